/**
 * What a block's transactions and hooks did, as it is stored and served.
 * @module
 */
import {
  bool,
  bytes,
  type Codec,
  list,
  optional,
  struct,
  u8,
  u64,
  variableBytes,
} from "@cess/codec/codec";
import { concatBytes } from "@cess/std/bytes";
import { RLP } from "@ethereumjs/rlp";
import { Bloom } from "@ethereumjs/vm";

export interface LogRecord {
  readonly address: Uint8Array;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

export interface ReceiptRecord {
  readonly type: number;
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
  /** Of this and all transactions before it in the block. */
  readonly cumulativeGasUsed: bigint;
  /** Wei a unit of gas. */
  readonly effectiveGasPrice: bigint;
  readonly contractAddress: Uint8Array | undefined;
  readonly logs: readonly LogRecord[];
}

export interface BlockOutcome {
  readonly receipts: readonly ReceiptRecord[];
  /** Emitted by modules before the first and after the last transaction. */
  readonly beginLogs: readonly LogRecord[];
  readonly endLogs: readonly LogRecord[];
}

/** Far above what the gas of a block can pay for. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const COUNT_MAX = 1_000_000;

const logCodec: Codec<LogRecord> = struct<LogRecord>({
  address: bytes(20),
  topics: list(bytes(32), 4),
  data: variableBytes(LOG_BYTES_MAX),
});

const receiptCodec: Codec<ReceiptRecord> = struct<ReceiptRecord>({
  type: u8,
  succeeded: bool,
  gasUsed: u64,
  cumulativeGasUsed: u64,
  effectiveGasPrice: u64,
  contractAddress: optional(bytes(20)),
  logs: list(logCodec, COUNT_MAX),
});

export const outcomeCodec: Codec<BlockOutcome> = struct<BlockOutcome>({
  receipts: list(receiptCodec, COUNT_MAX),
  beginLogs: list(logCodec, COUNT_MAX),
  endLogs: list(logCodec, COUNT_MAX),
});

/** The receipt as the header's `receiptsRoot` commits to it (EIP-2718). */
export function encodeReceiptForTrie(receipt: ReceiptRecord, bloom: Uint8Array): Uint8Array {
  const encoded = RLP.encode([
    receipt.succeeded ? Uint8Array.of(1) : new Uint8Array(),
    receipt.cumulativeGasUsed,
    bloom,
    receipt.logs.map(({ address, topics, data }) => [address, [...topics], data]),
  ]);
  return receipt.type === 0 ? encoded : concatBytes(Uint8Array.of(receipt.type), encoded);
}

/** Bloom filter of the logs of one receipt, 256 bytes. */
export function bloomOfLogs(logs: readonly LogRecord[]): Uint8Array {
  const bloom = new Bloom();
  for (const { address, topics } of logs) {
    bloom.add(address);
    for (const topic of topics) bloom.add(topic);
  }
  return bloom.bitvector;
}
