/**
 * Finds logs of transactions and of block hooks.
 * @see docs/spec/rpc.md, "Logs of the protocol"
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToHex, concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { bigIntMin } from "@ethereumjs/util";
import { Bloom } from "@ethereumjs/vm";
import type { ChainReader } from "./chain-reader.ts";
import { ExecutionError } from "./error.ts";
import type { BlockOutcome, LogRecord } from "./receipt.ts";

export interface LogFilter {
  /** Any of them; all if left out. */
  readonly addresses?: readonly Hex[];
  /** By position, any of a list; undefined takes every topic. */
  readonly topics?: readonly (readonly Hex[] | undefined)[];
}

export interface LogView {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly blockHash: Hex;
  readonly blockHeight: bigint;
  readonly transactionHash: Hex;
  readonly transactionIndex: number;
  readonly logIndex: number;
}

export const LOG_BLOCKS_MAX = 10_000;
export const LOGS_MAX = 10_000;
/** Between two pauses in which other requests get their turn: blooms looked at, blocks read. */
const BLOOMS_PER_TURN = 500;
const BLOCKS_PER_TURN = 5;

/**
 * Logs that match, in chain order.
 *
 * @param range - First and last block.
 * @throws {@link ExecutionError} `LOGS_LIMIT`.
 */
export async function findLogs(
  reader: ChainReader,
  range: { readonly from: bigint; readonly to: bigint },
  filter: LogFilter,
): Promise<readonly LogView[]> {
  const to = bigIntMin(range.to, reader.head().height);
  if (to - range.from >= BigInt(LOG_BLOCKS_MAX)) {
    throw new ExecutionError({ code: "LOGS_LIMIT", limit: "blocks", countMax: LOG_BLOCKS_MAX });
  }
  const mayMatch = createBloomCheck(filter);
  const found: LogView[] = [];
  let work = 0;
  for (let height = range.from; height <= to; height += 1n) {
    const bloom = reader.logsBloom(height);
    const isRead = bloom !== undefined && (height === 0n || mayMatch(bloom));
    if (isRead) found.push(...reader.logsAt(height).filter((log) => matches(log, filter)));
    if (found.length > LOGS_MAX) {
      throw new ExecutionError({ code: "LOGS_LIMIT", limit: "logs", countMax: LOGS_MAX });
    }
    work += isRead ? 1 / BLOCKS_PER_TURN : 1 / BLOOMS_PER_TURN;
    if (work < 1) continue;
    work = 0;
    await setImmediate();
  }
  return found;
}

export interface BlockLogsSource {
  readonly hash: Hex;
  readonly height: bigint;
  readonly outcome: BlockOutcome;
  readonly transactionHashes: readonly Hex[];
}

/** All logs of a block: of its begin, its transactions, its end. */
export function logsOfBlock(source: BlockLogsSource): readonly LogView[] {
  const { hash, height, outcome, transactionHashes: hashes } = source;
  const groups = [
    { hash: hookHash(hash, "begin"), index: hashes.length, logs: outcome.beginLogs },
    ...outcome.receipts.map(({ logs }, index) => ({ hash: hashes[index] as Hex, index, logs })),
    { hash: hookHash(hash, "end"), index: hashes.length + 1, logs: outcome.endLogs },
  ];
  const views: LogView[] = [];
  for (const group of groups) {
    for (const log of group.logs) {
      views.push({
        ...logText(log),
        blockHash: hash,
        blockHeight: height,
        transactionHash: group.hash,
        transactionIndex: group.index,
        logIndex: views.length,
      });
    }
  }
  return views;
}

/** Position of a transaction's first log among the logs of its block. */
export function firstLogIndex({ beginLogs, receipts }: BlockOutcome, index: number): number {
  const before = receipts.slice(0, index);
  return before.reduce((sum, { logs }) => sum + logs.length, beginLogs.length);
}

/** What stands for a transaction where the rules of the chain emitted a log. */
export function hookHash(blockHash: Hex, hook: "begin" | "end"): Hex {
  return bytesToHex(keccak256(concatBytes(hexToBytes(blockHash), utf8ToBytes(hook))));
}

export function logText(log: LogRecord): Pick<LogView, "address" | "topics" | "data"> {
  const { address, topics, data } = log;
  return {
    address: bytesToHex(address),
    topics: topics.map(bytesToHex),
    data: bytesToHex(data),
  };
}

export function matches(log: LogView, { addresses, topics = [] }: LogFilter): boolean {
  if (addresses !== undefined && !addresses.includes(log.address)) return false;
  if (topics.length > log.topics.length) return false;
  return topics.every((wanted, at) => wanted?.includes(log.topics[at] as Hex) ?? true);
}

function createBloomCheck({ addresses, topics = [] }: LogFilter): (bloom: Uint8Array) => boolean {
  const alternatives = [addresses, ...topics].filter((each) => each !== undefined);
  const wanted = alternatives.map((each) => each.map((text) => hexToBytes(text)));
  return (bits) => {
    const bloom = new Bloom(bits);
    return wanted.every((each) => each.some((bytes) => bloom.check(bytes)));
  };
}
