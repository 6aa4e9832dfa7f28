import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import type { Common } from "@ethereumjs/common";
import {
  createTxFromRLP,
  getCalldataFloorGas,
  TransactionType,
  type TypedTransaction,
} from "@ethereumjs/tx";
import { bigIntMax } from "@ethereumjs/util";
import { ExecutionError } from "./error.ts";

/** Most bytes of one transaction on the wire, in the pool and in a block. */
export const TRANSACTION_BYTES_MAX: number = 128 * 1024;
/** Most gas of one transaction (EIP-7825). */
export const TRANSACTION_GAS_MAX: bigint = 2n ** 24n;

/** A transaction that decoded and has a sender. */
export interface DecodedTransaction {
  readonly raw: Uint8Array;
  readonly hash: Hex;
  readonly sender: Hex;
  readonly tx: TypedTransaction;
}

/**
 * Decodes a signed transaction and recovers its sender: the checks that need no state.
 *
 * @param hash - keccak256 of `raw`, if it is at hand.
 * @param raw - As `eth_sendRawTransaction` takes it: legacy RLP, or a type byte and its payload.
 * @throws {@link ExecutionError} `TRANSACTION_MALFORMED`, `TRANSACTION_UNSUPPORTED`,
 *   `TRANSACTION_TOO_LARGE`, `GAS_TOO_HIGH`, `CHAIN_ID_WRONG`.
 */
export function decodeTransaction(
  common: Common,
  raw: Uint8Array,
  hash: Uint8Array = keccak256(raw),
): DecodedTransaction {
  if (raw.length > TRANSACTION_BYTES_MAX) {
    const detail = { sizeBytes: raw.length, maxBytes: TRANSACTION_BYTES_MAX };
    throw new ExecutionError({ code: "TRANSACTION_TOO_LARGE", ...detail });
  }
  const type = raw[0] ?? 0;
  const isKnown = type >= 0xc0 || KNOWN_TYPES.includes(type);
  if (!isKnown) throw new ExecutionError({ code: "TRANSACTION_UNSUPPORTED", type });
  try {
    const tx = createTxFromRLP(raw, { common, freeze: true });
    const sender = bytesToHex(tx.getSenderAddress().bytes);
    const bounds = gasBoundsOf(tx);
    const intrinsicGas = bigIntMax(bounds.intrinsicGas, bounds.floorGas);
    if (tx.gasLimit < intrinsicGas) {
      throw new ExecutionError({ code: "GAS_TOO_LOW", gasLimit: tx.gasLimit, intrinsicGas });
    }
    return { raw, hash: bytesToHex(hash), sender, tx };
  } catch (cause) {
    throw asRefusal(cause, common);
  }
}

/** Blob transactions (type 3) need the sidecar network, which this chain does not have yet. */
const KNOWN_TYPES: readonly number[] = [
  TransactionType.AccessListEIP2930,
  TransactionType.FeeMarketEIP1559,
  TransactionType.EOACodeEIP7702,
];

/** What a transaction pays before it runs, and the least that it pays in all (EIP-7623). */
export function gasBoundsOf(tx: TypedTransaction): {
  readonly intrinsicGas: bigint;
  readonly floorGas: bigint;
} {
  return {
    intrinsicGas: tx.getIntrinsicGas(),
    floorGas: getCalldataFloorGas(tx, tx.getSenderAddress()),
  };
}

function asRefusal(cause: unknown, common: Common): ExecutionError {
  if (cause instanceof ExecutionError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (/EIP-7825/.test(reason)) {
    return new ExecutionError({ code: "GAS_TOO_HIGH", maxGas: TRANSACTION_GAS_MAX }, { cause });
  }
  if (/chain id/i.test(reason)) {
    return new ExecutionError({ code: "CHAIN_ID_WRONG", expected: common.chainId() }, { cause });
  }
  return new ExecutionError({ code: "TRANSACTION_MALFORMED", reason }, { cause });
}

/**
 * Why the sender's account, as it stands, does not carry the transaction; undefined if it does or
 * if only its nonce is ahead.
 *
 * @param baseFee - Of the block it would run in, in wei.
 */
export function checkAgainstAccount(
  { tx }: DecodedTransaction,
  account: { readonly nonce: bigint; readonly balance: bigint } | undefined,
  baseFee: bigint,
): ExecutionError | undefined {
  const { nonce: expected, balance } = account ?? { nonce: 0n, balance: 0n };
  const { nonce, gasLimit } = tx;
  if (nonce < expected) return new ExecutionError({ code: "NONCE_TOO_LOW", nonce, expected });
  const maxFeePerGas = maxFeePerGasOf(tx);
  if (maxFeePerGas < baseFee) {
    return new ExecutionError({ code: "FEE_TOO_LOW", maxFeePerGas, baseFee });
  }
  const neededWei = tx.value + gasLimit * maxFeePerGas;
  if (balance < neededWei) {
    return new ExecutionError({ code: "FUNDS_INSUFFICIENT", balanceWei: balance, neededWei });
  }
  return undefined;
}

export function maxFeePerGasOf(tx: TypedTransaction): bigint {
  return "maxFeePerGas" in tx ? tx.maxFeePerGas : (tx as { readonly gasPrice: bigint }).gasPrice;
}

export function maxPriorityFeePerGasOf(tx: TypedTransaction): bigint {
  return "maxPriorityFeePerGas" in tx ? tx.maxPriorityFeePerGas : maxFeePerGasOf(tx);
}
