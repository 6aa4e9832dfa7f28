import { bytesToBigint, bytesToHex, type Hex } from "@cess/std/bytes";
import type { DecodedTransaction } from "./transaction.ts";

export interface AuthorizationView {
  readonly chainId: bigint;
  readonly address: Hex;
  readonly nonce: bigint;
  readonly yParity: bigint;
  readonly r: bigint;
  readonly s: bigint;
}

/** A transaction in plain values. */
export interface TransactionView {
  readonly hash: Hex;
  readonly type: number;
  readonly from: Hex;
  /** Undefined creates a contract. */
  readonly to: Hex | undefined;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly valueWei: bigint;
  readonly input: Hex;
  /** Wei a unit of gas: what the sender pays at most. */
  readonly maxFeePerGas: bigint;
  /** Undefined where the type has one price. */
  readonly maxPriorityFeePerGas: bigint | undefined;
  /** Undefined for a legacy transaction that any chain would take. */
  readonly chainId: bigint | undefined;
  readonly accessList: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[];
  readonly authorizations: readonly AuthorizationView[];
  readonly v: bigint;
  readonly r: bigint;
  readonly s: bigint;
}

const LEGACY_V_UNPROTECTED_MAX = 28n;

export function viewOf({ tx, hash, sender }: DecodedTransaction): TransactionView {
  const v = tx.v ?? 0n;
  const isUnprotected = tx.type === 0 && v <= LEGACY_V_UNPROTECTED_MAX;
  return {
    hash,
    type: tx.type,
    from: sender,
    to: tx.to === undefined ? undefined : bytesToHex(tx.to.bytes),
    nonce: tx.nonce,
    gasLimit: tx.gasLimit,
    valueWei: tx.value,
    input: bytesToHex(tx.data),
    maxFeePerGas: "maxFeePerGas" in tx ? tx.maxFeePerGas : tx.gasPrice,
    maxPriorityFeePerGas: "maxPriorityFeePerGas" in tx ? tx.maxPriorityFeePerGas : undefined,
    chainId: isUnprotected ? undefined : tx.common.chainId(),
    accessList: accessListOf(tx),
    authorizations: authorizationsOf(tx),
    v,
    r: tx.r ?? 0n,
    s: tx.s ?? 0n,
  };
}

function accessListOf(tx: DecodedTransaction["tx"]): TransactionView["accessList"] {
  if (!("accessList" in tx)) return [];
  const entries = tx.accessList as unknown as readonly (readonly [Uint8Array, Uint8Array[]])[];
  return entries.map(([address, keys]) => {
    return { address: bytesToHex(address), storageKeys: keys.map(bytesToHex) };
  });
}

function authorizationsOf(tx: DecodedTransaction["tx"]): readonly AuthorizationView[] {
  if (!("authorizationList" in tx)) return [];
  const entries = tx.authorizationList as unknown as readonly (readonly Uint8Array[])[];
  return entries.map((fields) => {
    const [chainId, address, nonce, yParity, r, s] = fields as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    return {
      chainId: bytesToBigint(chainId),
      address: bytesToHex(address),
      nonce: bytesToBigint(nonce),
      yParity: bytesToBigint(yParity),
      r: bytesToBigint(r),
      s: bytesToBigint(s),
    };
  });
}
