/**
 * The few header fields that consensus needs, read from a block's RLP without running it.
 *
 * Reading is strict: a list of transactions has one encoding, so the header's hash and its root of
 * the transactions pin every byte of a block.
 * @see https://ethereum.github.io/yellowpaper/paper.pdf appendix B (RLP), section 4.4 (header)
 * @module
 */
import { keccak256 } from "@cess/crypto/secp256k1";
import { rootOfList } from "@cess/execution/block-format";
import { bytesToBigint, bytesToHex, equalBytes } from "@cess/std/bytes";
import type { BlockFacts } from "./application.ts";
import { ChainError } from "./error.ts";

/** Positions in the header list. */
const FIELD = {
  parentHash: 0,
  proposer: 2,
  transactionsRoot: 4,
  height: 8,
  timestamp: 11,
  beacon: 13,
  lastCertificateHash: 19,
} as const;
const SHORT_STRING = 0x80;
const LONG_STRING = 0xb7;
const SHORT_LIST = 0xc0;
const LONG_LIST = 0xf7;
const LENGTH_BYTES_MAX = 4;
/** Payloads of up to this size have their length in the first byte. */
const SHORT_BYTES_MAX = 55;
const EMPTY_LIST = 0xc0;

interface Item {
  readonly isList: boolean;
  readonly start: number;
  readonly payloadStart: number;
  readonly end: number;
}

/** @throws ChainError `BLOCK_REFUSED` if `block` does not begin with a header. */
export function readBlockFacts(block: Uint8Array): BlockFacts {
  const header = headerOf(block);
  const fields = fieldsOf(block, header);
  const number = (index: number) => {
    const bytes = fields[index];
    if (bytes === undefined || bytes.length > 8) throw refused(`field ${index}`);
    return bytesToBigint(bytes);
  };
  return {
    hash: bytesToHex(keccak256(block.subarray(header.start, header.end))),
    parentHash: bytesToHex(fieldOf(fields, FIELD.parentHash, 32)),
    height: number(FIELD.height),
    timestampSeconds: number(FIELD.timestamp),
    proposer: bytesToHex(fieldOf(fields, FIELD.proposer, 20)),
    beacon: fieldOf(fields, FIELD.beacon, 32),
    lastCertificateHash: fieldOf(fields, FIELD.lastCertificateHash, 32),
  };
}

/**
 * Checks that what follows the header is what the header says follows.
 *
 * @throws ChainError `BLOCK_REFUSED`
 */
export function assertBlockWhole(block: Uint8Array): void {
  const header = headerOf(block);
  const transactions = readItem(block, header.end);
  if (!transactions.isList) throw refused("no transactions");
  const isTailEmpty =
    transactions.end + 2 === block.length &&
    block[transactions.end] === EMPTY_LIST &&
    block[transactions.end + 1] === EMPTY_LIST;
  if (!isTailEmpty) throw refused("uncles or withdrawals");
  const raws = itemsOf(block, transactions).map((item) => {
    // A legacy transaction is a list itself; the others travel as strings.
    return block.slice(item.isList ? item.start : item.payloadStart, item.end);
  });
  const root = fieldOf(fieldsOf(block, header), FIELD.transactionsRoot, 32);
  if (!equalBytes(root, rootOfList(raws))) throw refused("root of the transactions");
}

function headerOf(block: Uint8Array): Item {
  const outer = readItem(block, 0);
  if (!outer.isList || outer.end !== block.length) throw refused("not one list");
  const header = readItem(block, outer.payloadStart);
  if (!header.isList) throw refused("no header");
  return header;
}

function fieldsOf(block: Uint8Array, header: Item): readonly Uint8Array[] {
  return itemsOf(block, header).map(({ isList, payloadStart, end }) => {
    if (isList) throw refused("malformed header");
    return block.slice(payloadStart, end);
  });
}

function fieldOf(fields: readonly Uint8Array[], index: number, sizeBytes: number): Uint8Array {
  const bytes = fields[index];
  if (bytes?.length !== sizeBytes) throw refused(`field ${index}`);
  return bytes;
}

function itemsOf(bytes: Uint8Array, list: Item): readonly Item[] {
  const items: Item[] = [];
  for (let at = list.payloadStart; at < list.end; ) {
    const item = readItem(bytes, at);
    if (item.end > list.end) throw refused("an item is longer than its list");
    items.push(item);
    at = item.end;
  }
  return items;
}

function readItem(bytes: Uint8Array, start: number): Item {
  const first = bytes[start];
  if (first === undefined) throw refused("truncated");
  if (first < SHORT_STRING) return { isList: false, start, payloadStart: start, end: start + 1 };
  const isList = first >= SHORT_LIST;
  const shortBase = isList ? SHORT_LIST : SHORT_STRING;
  const longBase = isList ? LONG_LIST : LONG_STRING;
  const lengthBytes = Math.max(0, first - longBase);
  const payloadStart = start + 1 + lengthBytes;
  const length =
    lengthBytes === 0 ? first - shortBase : readLength(bytes.subarray(start + 1, payloadStart));
  const end = payloadStart + length;
  if (end > bytes.length) throw refused("truncated");
  const isNeedless = !isList && length === 1 && (bytes[payloadStart] ?? 0) < SHORT_STRING;
  if (isNeedless) throw refused("not canonical");
  return { isList, start, payloadStart, end };
}

function readLength(bytes: Uint8Array): number {
  if (bytes.length > LENGTH_BYTES_MAX) throw refused("length");
  const length = Number(bytesToBigint(bytes));
  if (bytes[0] === 0 || length <= SHORT_BYTES_MAX) throw refused("not canonical");
  return length;
}

function refused(reason: string): ChainError {
  return new ChainError({ code: "BLOCK_REFUSED", reason });
}
