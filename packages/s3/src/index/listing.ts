/**
 * Lists keys in byte order, rolling up what lies behind a delimiter. A common prefix is passed by
 * seeking behind it, so a page costs its own entries and not the objects it hides.
 * @module
 */
import { asBuffer, compareBytes, concatBytes, utf8ToBytes } from "@cess/std/bytes";
import { afterKey, afterPrefix } from "./keys.ts";
import type { MetaReader } from "./meta-store.ts";

export interface ListQuery {
  /** Bytes before each stored key: the table and the bucket. */
  readonly scope: Uint8Array;
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** Only entries, keys as well as common prefixes, after this one. Empty for all. */
  readonly after: string;
  readonly countMax: number;
  /** Bytes at the end of each stored key that are not part of the name. */
  readonly suffixBytes?: number;
  /** Where to begin within the name `after`, if names repeat with other suffixes. */
  readonly afterSuffix?: Uint8Array;
}

export interface ListedKey {
  readonly kind: "key";
  readonly name: string;
  readonly stored: Uint8Array;
  readonly value: Uint8Array;
}

export interface ListedPrefix {
  readonly kind: "prefix";
  readonly name: string;
}

export type ListEntry = ListedKey | ListedPrefix;

export interface ListPage {
  readonly entries: readonly ListEntry[];
  /** True if there are more entries after the last of this page. */
  readonly isTruncated: boolean;
}

export function listPage(reader: MetaReader, query: ListQuery): ListPage {
  const entries: ListEntry[] = [];
  if (query.countMax === 0) return { entries, isTruncated: false };
  for (const entry of listEntries(reader, query)) {
    if (entries.length === query.countMax) return { entries, isTruncated: true };
    entries.push(entry);
  }
  return { entries, isTruncated: false };
}

/** PERF: one seek for each common prefix, one step for each key. */
function* listEntries(reader: MetaReader, query: ListQuery): Generator<ListEntry> {
  const { scope, suffixBytes = 0 } = query;
  const prefix = utf8ToBytes(query.prefix);
  const mark = utf8ToBytes(query.after);
  const delimiter = utf8ToBytes(query.delimiter);
  const end = afterPrefix(concatBytes(scope, prefix));
  let start: Uint8Array | undefined = firstKey(query, prefix, mark);
  while (start !== undefined && compareBytes(start, end) < 0) {
    const from: Uint8Array = start;
    start = undefined;
    for (const { key: stored, value } of reader.range(from, end)) {
      const name = stored.subarray(scope.length, stored.length - suffixBytes);
      const common = commonPrefix(name, prefix.length, delimiter);
      if (common === undefined) {
        yield { kind: "key", name: textOf(name), stored, value };
        continue;
      }
      // A prefix that is not after the mark was on an earlier page.
      if (compareBytes(common, mark) > 0) yield { kind: "prefix", name: textOf(common) };
      start = afterPrefix(concatBytes(scope, common));
      break;
    }
  }
}

function firstKey(query: ListQuery, prefix: Uint8Array, mark: Uint8Array): Uint8Array {
  const { scope, suffixBytes = 0, afterSuffix } = query;
  if (mark.length === 0 || compareBytes(mark, prefix) < 0) return concatBytes(scope, prefix);
  const suffix = afterSuffix ?? new Uint8Array(suffixBytes).fill(0xff);
  return afterKey(concatBytes(scope, mark, suffix));
}

function commonPrefix(
  name: Uint8Array,
  prefixBytes: number,
  delimiter: Uint8Array,
): Uint8Array | undefined {
  if (delimiter.length === 0) return undefined;
  const at = asBuffer(name).indexOf(delimiter, prefixBytes);
  return at < 0 ? undefined : name.slice(0, at + delimiter.length);
}

function textOf(name: Uint8Array): string {
  return asBuffer(name).toString("utf8");
}
