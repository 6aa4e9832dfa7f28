import { createHash } from "node:crypto";
import { keccak256 } from "@cess/crypto/secp256k1";
import { bigintToBytes, concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";

/**
 * What a miner's BLS receipt says: "I hold my column of this file, durably, in this placement, and
 * keep it for this territory to declare until this block".
 */
export interface ReceiptStatement {
  readonly chainId: number;
  readonly fid: Hex;
  readonly sizeBytes: number;
  readonly profileId: number;
  /** The only one whose declaration these receipts are good for. */
  readonly territory: Hex;
  /** Last block that takes the declaration. */
  readonly expiryBlock: bigint;
  /** Miner of each column in order; the zero address where no receipt was given. */
  readonly placement: readonly Hex[];
}

/** What a TEE worker signs: "I hashed these fragments, they belong to their files, I tagged them". */
export interface TagReportStatement {
  readonly chainId: number;
  readonly tee: Hex;
  readonly miner: Hex;
  readonly expiryBlock: bigint;
  readonly items: readonly {
    readonly fid: Hex;
    readonly segment: number;
    readonly column: number;
  }[];
}

export const ZERO_ADDRESS: Hex = `0x${"00".repeat(20)}`;

/**
 * Message of a receipt, the same for every miner of the placement, so that all receipts of a file
 * verify as one aggregate over one message.
 *
 * @see docs/spec/modules.md, "Receipts"
 */
export function receiptMessage(statement: ReceiptStatement): Uint8Array {
  const placement = createHash("sha256");
  for (const miner of statement.placement) placement.update(hexToBytes(miner, 20));
  return concatBytes(
    utf8ToBytes("cess/receipt/v2"),
    bigintToBytes(BigInt(statement.chainId), 8),
    hexToBytes(statement.fid, 32),
    bigintToBytes(BigInt(statement.sizeBytes), 8),
    Uint8Array.of(statement.profileId),
    hexToBytes(statement.territory, 32),
    bigintToBytes(statement.expiryBlock, 8),
    placement.digest(),
  );
}

/** keccak-256 digest that the worker's report key signs (secp256k1, recoverable). */
export function tagReportDigest(statement: TagReportStatement): Uint8Array {
  const items = statement.items.map((item) =>
    concatBytes(
      hexToBytes(item.fid, 32),
      bigintToBytes(BigInt(item.segment), 2),
      Uint8Array.of(item.column),
    ),
  );
  return keccak256(
    concatBytes(
      utf8ToBytes("cess/tag-report/v1"),
      bigintToBytes(BigInt(statement.chainId), 8),
      hexToBytes(statement.tee, 20),
      hexToBytes(statement.miner, 20),
      bigintToBytes(statement.expiryBlock, 8),
      ...items,
    ),
  );
}
