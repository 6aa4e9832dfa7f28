/**
 * Layout of the store: the first byte of a key is its table. Tables are append-only.
 *
 * | table | rest of the key | value |
 * |---|---|---|
 * | bucket | name | Bucket |
 * | bucketOfOwner | account (20) ‖ name | nothing |
 * | setting | bucket id (16) ‖ kind (1) | as the client sent it |
 * | object | bucket id ‖ object key | ObjectRecord |
 * | upload | bucket id ‖ object key ‖ 0 ‖ upload id (16) | UploadRecord |
 * | part | upload id ‖ u16 number | PartRecord |
 * | file | territory (32) ‖ fid (32) | FileRecord: how many extents lie in it |
 * | declaration | territory ‖ fid | Declaration that waits for the chain |
 * | refused | territory ‖ fid | RefusedDeclaration |
 * | removal | territory ‖ fid | nothing: no extent is left |
 * | credential | access key id | CredentialRecord |
 *
 * @module
 */
import { concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";

const TABLES = {
  bucket: 1,
  bucketOfOwner: 2,
  setting: 3,
  object: 4,
  upload: 5,
  part: 6,
  file: 7,
  declaration: 8,
  refused: 9,
  removal: 10,
  credential: 11,
} as const;

export type Table = keyof typeof TABLES;

export const ID_BYTES = 16;

export function keyOf(table: Table, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(TABLES[table]), ...parts);
}

export interface KeyRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

/** All keys of `table` that begin with `parts`. */
export function rangeOf(table: Table, ...parts: readonly Uint8Array[]): KeyRange {
  const start = keyOf(table, ...parts);
  return { start, end: afterPrefix(start) };
}

/**
 * The first key after all those that begin with `prefix`.
 * A table byte is never 0xff, so there is one.
 */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (prefix[length - 1] === 0xff) length -= 1;
  const next = prefix.slice(0, length);
  next[length - 1] = (next[length - 1] as number) + 1;
  return next;
}

/** The first key after `key` itself. */
export function afterKey(key: Uint8Array): Uint8Array {
  return concatBytes(key, Uint8Array.of(0));
}

export function textPart(text: string): Uint8Array {
  return utf8ToBytes(text);
}

export function uint16Part(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** Territory, then file: the name of one claim on the chain. */
export function claimPart(claim: { readonly territory: Hex; readonly fid: Hex }): Uint8Array {
  return concatBytes(hexToBytes(claim.territory, 32), hexToBytes(claim.fid, 32));
}
