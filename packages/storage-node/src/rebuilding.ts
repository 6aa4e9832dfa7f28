import { hashFragment } from "@cess/erasure/fragment-hasher";
import {
  createFragmentPath,
  type FileIdentity,
  type FragmentPath,
  segmentIdOf,
} from "@cess/erasure/ids";
import { createErasureCode } from "@cess/erasure/reed-solomon";
import { columnCount } from "@cess/params/profile";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { StorageNodeError } from "./error.ts";
import { type FileRecord, holderOf } from "./file-record.ts";
import type { FetchedFragment, FragmentSource } from "./fragment-source.ts";
import type { NodeContext } from "./node-context.ts";
import { orderFor } from "./orders.ts";

export interface RebuildTask {
  readonly file: FileIdentity;
  readonly record: FileRecord;
  readonly segment: number;
  readonly column: number;
}

/**
 * Rebuilds one fragment from any k others, and the path that leads from it to the file.
 *
 * @throws {@link StorageNodeError} `SOURCES_TOO_FEW`
 */
export async function rebuildFragment(
  context: NodeContext,
  source: FragmentSource,
  task: RebuildTask,
  signal: AbortSignal,
): Promise<FetchedFragment> {
  const { file, segment, column } = task;
  const { profile } = file;
  const found = await fetchEnough(context, source, task, signal);
  if (found.size < profile.dataCount) {
    const fid = bytesToHex(file.fid);
    const [have, need] = [found.size, profile.dataCount];
    throw new StorageNodeError({ code: "SOURCES_TOO_FEW", fid, segment, have, need });
  }
  const columns = Array.from({ length: columnCount(profile) }, (_, index) => index);
  const present = new Map([...found].map(([index, { bytes }]) => [index, bytes]));
  // PERF: all columns are rebuilt and hashed, for the siblings of the one that is kept.
  const all = createErasureCode(profile).rebuild(present, columns);
  const fragmentIds = columns.map((index) => {
    return hashFragment(all.get(index) as Uint8Array).fragmentId;
  });
  const { path: sibling } = [...found.values()][0] as FetchedFragment;
  const path = siblingPath({ segment, column, fragmentIds, sibling });
  return { bytes: all.get(column) as Uint8Array, path };
}

/** The path of another column of the same segment shares its way from segment to file. */
function siblingPath(from: {
  readonly segment: number;
  readonly column: number;
  readonly fragmentIds: readonly Uint8Array[];
  readonly sibling: FragmentPath;
}): FragmentPath {
  const { column, fragmentIds, segment, sibling } = from;
  const segmentIds = [segmentIdOf(fragmentIds)];
  const alone = createFragmentPath({ segmentIndex: 0, column }, { segmentIds, fragmentIds });
  return { ...alone, segmentIndex: segment, filePath: sibling.filePath };
}

/** The holder of a place; if there is none, who had it until a failed audit, and may have it still. */
async function sourceOf(
  { chain }: NodeContext,
  record: FileRecord,
  place: { readonly segment: number; readonly column: number },
): Promise<Hex | undefined> {
  const holder = holderOf(record, place)?.miner;
  if (holder !== undefined && holder !== ZERO_ADDRESS) return holder;
  return (await orderFor(chain, { fid: record.fid, ...place }))?.origin;
}

/** Asks k holders at once, and another for each that fails. */
async function fetchEnough(
  context: NodeContext,
  source: FragmentSource,
  { file, record, segment, column }: RebuildTask,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, FetchedFragment>> {
  const { directory, chain, log } = context;
  const isHeld = (index: number) =>
    holderOf(record, { segment, column: index })?.miner !== ZERO_ADDRESS;
  const others = record.holdings.map((_, index) => index).filter((index) => index !== column);
  const columns = [...others.filter(isHeld), ...others.filter((index) => !isHeld(index))];
  const found = new Map<number, FetchedFragment>();

  async function fetchNext(): Promise<void> {
    for (let next = columns.shift(); next !== undefined; next = columns.shift()) {
      const account = await sourceOf(context, record, { segment, column: next });
      const miner = account && directory.minerOf(account);
      if (miner === undefined || miner.account === chain.account) continue;
      try {
        found.set(next, await source.fetch(miner, { file, segment, column: next }, signal));
        return;
      } catch (cause) {
        if (signal.aborted || !(cause instanceof StorageNodeError)) throw cause;
        log.debug("a holder did not help", { miner: miner.account, cause });
      }
    }
  }

  await Promise.all(Array.from({ length: file.profile.dataCount }, fetchNext));
  return found;
}
