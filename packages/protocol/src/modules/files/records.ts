import { bool, list, struct, u8, u16, u32 } from "@cess/codec/codec";
import { COLUMNS_MAX } from "@cess/params/profile";
import type { Hex } from "@cess/std/bytes";
import { filesAbi } from "../../abi/files.ts";
import { ModuleError } from "../../error.ts";
import { createEmit, type Emit } from "../../events.ts";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import {
  address,
  defineIndexedSet,
  defineSchedule,
  defineTable,
  hash32,
  type IndexedSet,
  type Schedule,
  safe64,
  type Table,
} from "../../storage.ts";

/** Segments of one column that may have a history of their own; one more, and all of it is lost. */
export const EXCEPTIONS_MAX = 64;

/** All segments of a column but its exceptions. */
export interface Column {
  /** Zero while a restoral order for the column is open. */
  readonly miner: Hex;
  /** Worker that tagged it; zero before. */
  readonly tee: Hex;
  readonly sinceBlock: number;
  /** In the audit set of the miner. */
  readonly slot: number;
}

/** A segment of a column that its holder lost: missing, or restored by another miner. */
export interface Exception extends Column {
  readonly segment: number;
}

/** Does not grow with the file. */
export interface FileRecord {
  readonly sizeBytes: number;
  readonly profileId: number;
  readonly declaredBlock: number;
  /** SHA-256 of the receipt message: it declares one file, once. */
  readonly receiptHash: Hex;
  /** Last block in which its receipts would declare it. */
  readonly expiryBlock: number;
  readonly columns: readonly Column[];
}

export interface ColumnKey {
  readonly fid: Hex;
  readonly column: number;
}

export const NOBODY: Column = { miner: ZERO_ADDRESS, tee: ZERO_ADDRESS, sinceBlock: 0, slot: 0 };

const columnFields = { miner: address, tee: address, sinceBlock: safe64, slot: u32 };

export const files: Table<Hex, FileRecord> = defineTable(
  { module: "files", name: "files" },
  hash32,
  struct<FileRecord>({
    sizeBytes: safe64,
    profileId: u8,
    declaredBlock: safe64,
    receiptHash: hash32,
    expiryBlock: safe64,
    columns: list(struct<Column>(columnFields), COLUMNS_MAX),
  }),
);
const exceptions = defineTable(
  { module: "files", name: "exceptions" },
  struct<ColumnKey>({ fid: hash32, column: u8 }),
  list(struct<Exception>({ ...columnFields, segment: u16 }), EXCEPTIONS_MAX),
);
/** Territories that pay for a file. */
export const ownersOf: IndexedSet<{ fid: Hex }, Hex> = defineIndexedSet(
  { module: "files", name: "owners" },
  struct<{ fid: Hex }>({ fid: hash32 }),
  hash32,
);
/** Files that a territory pays for. */
export const filesIn: IndexedSet<{ territory: Hex }, Hex> = defineIndexedSet(
  { module: "files", name: "territories" },
  struct<{ territory: Hex }>({ territory: hash32 }),
  hash32,
);
/** Receipts of closed files: miners may have deleted what these say they hold. */
const spentReceipts: Table<Hex, boolean> = defineTable(
  { module: "files", name: "spent" },
  hash32,
  bool,
);
/** Spent receipts that need not be remembered after they expired. */
const spentUntil: Schedule<Hex> = defineSchedule({ module: "files", name: "spent/until" }, hash32);
/** Spent receipts that are forgotten in one block. */
const FORGOTTEN_PER_BLOCK = 64;
export const emitFiles: Emit<typeof filesAbi> = createEmit("files", filesAbi);

export async function requireFile(host: ModuleHost, fid: Hex): Promise<FileRecord> {
  const file = await files.get(host, fid);
  if (file === undefined) throw new ModuleError("NOT_FOUND", `no file ${fid}`);
  return file;
}

export async function isSpent(host: ModuleHost, receiptHash: Hex): Promise<boolean> {
  return (await spentReceipts.get(host, receiptHash)) !== undefined;
}

/** Has the receipts of a file that is closed declare nothing more, for as long as they would. */
export async function spendReceipts(
  host: ModuleHost,
  { receiptHash, expiryBlock }: FileRecord,
): Promise<void> {
  if (host.height > BigInt(expiryBlock)) return;
  await spentReceipts.set(host, receiptHash, true);
  await spentUntil.add(host, BigInt(expiryBlock) + 1n, receiptHash);
}

/** Forgets spent receipts that expired. */
export async function forgetReceipts(host: ModuleHost): Promise<void> {
  for (const receiptHash of await spentUntil.takeDue(host, FORGOTTEN_PER_BLOCK)) {
    await spentReceipts.delete(host, receiptHash);
  }
}

/** By segment, ascending. */
export async function exceptionsOf(
  host: ModuleHost,
  key: ColumnKey,
): Promise<readonly Exception[]> {
  return (await exceptions.get(host, key)) ?? [];
}

export async function setExceptions(
  host: ModuleHost,
  key: ColumnKey,
  found: readonly Exception[],
): Promise<void> {
  const sorted = found.toSorted((left, right) => left.segment - right.segment);
  await (sorted.length === 0 ? exceptions.delete(host, key) : exceptions.set(host, key, sorted));
}

export async function setColumn(
  host: ModuleHost,
  { fid, column }: ColumnKey,
  to: Column,
): Promise<void> {
  const file = await requireFile(host, fid);
  await files.set(host, fid, { ...file, columns: file.columns.with(column, to) });
}

export function segmentsOf(found: readonly Exception[]): readonly number[] {
  return found.map((exception) => exception.segment);
}
