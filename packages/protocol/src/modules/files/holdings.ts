/** Who holds what: how holdings begin and end, with the space, slots and orders that follow. @module */
import type { Hex } from "@cess/std/bytes";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import { SEGMENT_ALL } from "../../states.ts";
import type { Place } from "../../storage.ts";
import { freeSlot, placeAt, setSlotBlocks, takeSlot } from "../audit/slots.ts";
import { addSpace } from "../miners/records.ts";
import { cancelOrder, closeOrder, openOrder } from "./orders.ts";
import {
  type Column,
  type ColumnKey,
  EXCEPTIONS_MAX,
  type Exception,
  emitFiles as emit,
  exceptionsOf,
  type FileRecord,
  files,
  filesIn,
  NOBODY,
  ownersOf,
  requireFile,
  segmentsOf,
  setColumn,
  setExceptions,
  spendReceipts,
} from "./records.ts";
import { columnExtent, type Extent, fragmentExtent, type Shape, shapeOf } from "./shape.ts";

export interface Loss extends ColumnKey {
  readonly miner: Hex;
  /** Distinct. */
  readonly segments: readonly number[];
}

interface HeldColumn {
  readonly key: ColumnKey;
  readonly column: Column;
  readonly exceptions: readonly Exception[];
  readonly shape: Shape;
}

/** Takes segments of a column from a miner, as far as it holds them, and orders their restoral. */
export async function takeFromMiner(host: ModuleHost, loss: Loss): Promise<void> {
  const { miner, segments } = loss;
  const held = await readColumn(host, loss);
  if (held === undefined) return;
  await takeOverrides(host, held, loss);
  if (held.column.miner !== miner) return;
  const known = new Set(segmentsOf(held.exceptions));
  const lost = segments.filter((segment) => !known.has(segment));
  if (lost.length === 0) return;
  const isWhole = lost.length + known.size === held.shape.segmentCount;
  if (isWhole || lost.length + known.size > EXCEPTIONS_MAX) await takeColumn(host, held);
  else await takeSegments(host, held, lost);
}

/** Takes whatever is in a slot from a miner; does nothing if that is free. */
export async function takeSlotFromMiner(host: ModuleHost, miner: Hex, slot: number): Promise<void> {
  const place = await placeAt(host, miner, slot);
  if (place === undefined) return;
  const { fid, column, segment } = place;
  if (segment !== SEGMENT_ALL) {
    await takeFromMiner(host, { miner, fid, column, segments: [segment] });
    return;
  }
  const held = await readColumn(host, { fid, column });
  if (held !== undefined) await takeColumn(host, held);
}

/** Makes the claimant of an order, whose space is reserved, the holder of what was restored. */
export async function giveToMiner(
  host: ModuleHost,
  place: Place,
  by: { readonly miner: Hex; readonly tee: Hex },
): Promise<void> {
  const { fid, column, segment } = place;
  const file = await requireFile(host, fid);
  const shape = shapeOf(file.sizeBytes, file.profileId);
  const exceptions = await exceptionsOf(host, place);
  const isWhole = segment === SEGMENT_ALL;
  const extent = isWhole
    ? columnExtent(shape, segmentsOf(exceptions))
    : fragmentExtent(shape, segment);
  const slot = await takeSlot(host, by.miner, place);
  const given = { ...by, sinceBlock: Number(host.height), slot };
  await setSlotBlocks(host, { miner: by.miner, slot, blockCount: extent.blockCount });
  await addSpace(host, by.miner, { usedBytes: 0, taggedBytes: extent.sizeBytes });
  if (isWhole) await setColumn(host, { fid, column }, given);
  else {
    const others = exceptions.filter((exception) => exception.segment !== segment);
    await setExceptions(host, place, [...others, { ...given, segment }]);
  }
  await closeOrder(host, place);
  emit(host, "Restored", { ...place, miner: by.miner });
}

/** Ends a file that nobody owns any more. */
export async function closeFile(host: ModuleHost, fid: Hex): Promise<void> {
  const file = await requireFile(host, fid);
  for (const column of file.columns.keys()) await closeColumn(host, file, { fid, column });
  await files.delete(host, fid);
  await spendReceipts(host, file);
  emit(host, "Closed", { fid });
}

/** Ends what a territory has to do with a file; the last owner takes the file along. */
export async function endOwnership(
  host: ModuleHost,
  fid: Hex,
  by: { readonly territory: Hex; readonly owner: Hex },
): Promise<void> {
  const { territory, owner } = by;
  await ownersOf.remove(host, { fid }, territory);
  await filesIn.remove(host, { territory }, fid);
  emit(host, "OwnerRemoved", { fid, owner, territory });
  if ((await ownersOf.count(host, { fid })) === 0) await closeFile(host, fid);
}

async function closeColumn(host: ModuleHost, file: FileRecord, key: ColumnKey): Promise<void> {
  const shape = shapeOf(file.sizeBytes, file.profileId);
  const column = file.columns[key.column] as Column;
  const exceptions = await exceptionsOf(host, key);
  for (const exception of exceptions) {
    const { segment } = exception;
    if (exception.miner === ZERO_ADDRESS) await cancelOrder(host, { ...key, segment });
    else await endHolding(host, exception, fragmentExtent(shape, segment));
  }
  if (column.miner === ZERO_ADDRESS) await cancelOrder(host, { ...key, segment: SEGMENT_ALL });
  else await endHolding(host, column, columnExtent(shape, segmentsOf(exceptions)));
  await setExceptions(host, key, []);
}

async function readColumn(
  host: ModuleHost,
  { fid, column: index }: ColumnKey,
): Promise<HeldColumn | undefined> {
  const file = await files.get(host, fid);
  const column = file?.columns[index];
  if (file === undefined || column === undefined) return undefined;
  const key = { fid, column: index };
  const exceptions = await exceptionsOf(host, key);
  return { key, column, exceptions, shape: shapeOf(file.sizeBytes, file.profileId) };
}

async function takeOverrides(host: ModuleHost, held: HeldColumn, loss: Loss): Promise<void> {
  const { key, exceptions, shape } = held;
  const isTaken = ({ miner, segment }: Exception) => {
    return miner === loss.miner && loss.segments.includes(segment);
  };
  const taken = exceptions.filter(isTaken);
  if (taken.length === 0) return;
  const left = exceptions.map((exception) => {
    return isTaken(exception) ? { ...NOBODY, segment: exception.segment } : exception;
  });
  await setExceptions(host, key, left);
  for (const exception of taken) {
    const { segment } = exception;
    await endHolding(host, exception, fragmentExtent(shape, segment));
    await openOrder(host, { ...key, segment }, loss.miner);
  }
}

async function takeColumn(host: ModuleHost, held: HeldColumn): Promise<void> {
  const { key, column, exceptions, shape } = held;
  await setColumn(host, key, NOBODY);
  await endHolding(host, column, columnExtent(shape, segmentsOf(exceptions)));
  await openOrder(host, { ...key, segment: SEGMENT_ALL }, column.miner);
}

async function takeSegments(
  host: ModuleHost,
  held: HeldColumn,
  lost: readonly number[],
): Promise<void> {
  const { key, column, exceptions, shape } = held;
  const left = [...exceptions, ...lost.map((segment) => ({ ...NOBODY, segment }))];
  await setExceptions(host, key, left);
  const before = columnExtent(shape, segmentsOf(exceptions));
  const after = columnExtent(shape, segmentsOf(left));
  const isTagged = column.tee !== ZERO_ADDRESS;
  const change = after.sizeBytes - before.sizeBytes;
  const taggedBytes = isTagged ? change : 0;
  await addSpace(host, column.miner, { usedBytes: change, taggedBytes });
  const { miner, slot } = column;
  if (isTagged) await setSlotBlocks(host, { miner, slot, blockCount: after.blockCount });
  for (const segment of lost) await openOrder(host, { ...key, segment }, miner);
}

async function endHolding(host: ModuleHost, holding: Column, extent: Extent): Promise<void> {
  const { miner, tee, slot } = holding;
  await freeSlot(host, miner, slot);
  const taggedBytes = tee === ZERO_ADDRESS ? 0 : -extent.sizeBytes;
  await addSpace(host, miner, { usedBytes: -extent.sizeBytes, taggedBytes });
}
