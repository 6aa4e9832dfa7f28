/**
 * The few header fields that consensus needs, read from a block's RLP without running it.
 * @see https://ethereum.github.io/yellowpaper/paper.pdf appendix B (RLP), section 4.4 (header)
 * @module
 */
import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToBigint, bytesToHex } from "@cess/std/bytes";
import type { BlockFacts } from "./application.ts";
import { ChainError } from "./error.ts";

/** Positions in the header list. */
const FIELD = {
  parentHash: 0,
  proposer: 2,
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

interface Item {
  readonly isList: boolean;
  readonly start: number;
  readonly payloadStart: number;
  readonly end: number;
}

/** @throws ChainError `BLOCK_REFUSED` if `block` does not begin with a header. */
export function readBlockFacts(block: Uint8Array): BlockFacts {
  const outer = readItem(block, 0);
  if (!outer.isList || outer.end !== block.length) throw refused("not one list");
  const header = readItem(block, outer.payloadStart);
  if (!header.isList || header.end > outer.end) throw refused("no header");
  const fields: Uint8Array[] = [];
  for (let at = header.payloadStart; at < header.end; ) {
    const item = readItem(block, at);
    if (item.isList || item.end > header.end) throw refused("malformed header");
    fields.push(block.slice(item.payloadStart, item.end));
    at = item.end;
  }
  const field = (index: number, sizeBytes: number) => {
    const bytes = fields[index];
    if (bytes?.length !== sizeBytes) throw refused(`field ${index}`);
    return bytes;
  };
  const number = (index: number) => {
    const bytes = fields[index];
    if (bytes === undefined || bytes.length > 8) throw refused(`field ${index}`);
    return bytesToBigint(bytes);
  };
  return {
    hash: bytesToHex(keccak256(block.subarray(header.start, header.end))),
    parentHash: bytesToHex(field(FIELD.parentHash, 32)),
    height: number(FIELD.height),
    timestampSeconds: number(FIELD.timestamp),
    proposer: bytesToHex(field(FIELD.proposer, 20)),
    beacon: field(FIELD.beacon, 32),
    lastCertificateHash: field(FIELD.lastCertificateHash, 32),
  };
}

function readItem(bytes: Uint8Array, start: number): Item {
  const first = bytes[start];
  if (first === undefined) throw refused("truncated");
  const isList = first >= SHORT_LIST;
  if (first < SHORT_STRING) return within({ isList, start, payloadStart: start, end: start + 1 });
  const shortBase = isList ? SHORT_LIST : SHORT_STRING;
  const longBase = isList ? LONG_LIST : LONG_STRING;
  if (first <= longBase) {
    const payloadStart = start + 1;
    return within({ isList, start, payloadStart, end: payloadStart + first - shortBase });
  }
  const lengthBytes = first - longBase;
  if (lengthBytes > LENGTH_BYTES_MAX) throw refused("length");
  const payloadStart = start + 1 + lengthBytes;
  const length = Number(bytesToBigint(bytes.subarray(start + 1, payloadStart)));
  return within({ isList, start, payloadStart, end: payloadStart + length });

  function within(item: Item): Item {
    if (item.end > bytes.length) throw refused("truncated");
    return item;
  }
}

function refused(reason: string): ChainError {
  return new ChainError({ code: "BLOCK_REFUSED", reason });
}
