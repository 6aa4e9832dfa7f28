import { freeBytesOf, type Worker } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import { segmentCount } from "@cess/erasure/layout";
import { profileById } from "@cess/params/profile";
import { MINER_STATE, SEGMENT_ALL } from "@cess/protocol/states";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import { hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import type { ReportItem } from "@cess/storage-wire/tag-request";
import { type FileRecord, holderOf, readFileRecord } from "./file-record.ts";
import { type FragmentSource, sizeOf } from "./fragment-source.ts";
import type { NodeContext } from "./node-context.ts";
import { isUnclaimed, type Order, readOrders } from "./orders.ts";
import { identityOf, PIECE_STATE, type Piece, UNPROMISED, UNTAGGED } from "./piece.ts";
import { rebuildFragment } from "./rebuilding.ts";
import { signReport } from "./reporting.ts";
import { tagPiece, type WorkerChoice } from "./tagging.ts";

const ORDERS_SEEN_MAX = 4096;
/** How long an order is left alone that was tried in vain. */
const RETRY_MS = 10_000;
/** A disk that lost a fragment is the last one to put it back on. */
const ORIGIN_GRACES = 4;

/** Takes restoral orders: rebuilds what others lost, and is paid for holding it. */
export function createRepairLoop(
  context: NodeContext,
  { source, workers }: { readonly source: FragmentSource; readonly workers: WorkerChoice },
): Service {
  const { chain, clock, log, spec, random } = context;
  const retryMs = new BoundedMap<string, number>(ORDERS_SEEN_MAX);

  async function attempt(order: Order, signal: AbortSignal): Promise<void> {
    const { fid, segment, column } = order;
    const worker = workers.choose();
    try {
      const record = await readFileRecord(chain, fid);
      if (record === undefined) return;
      const task = { order, record, worker };
      // A claim that is not completed is punished: first the sources and the worker must be there.
      const begun = isUnclaimed(order) ? await begin(context, source, task, signal) : undefined;
      if (begun !== undefined) await chain.send("files", "claimRestoral", [fid, segment, column]);
      await restore(context, source, { ...task, begun }, signal);
      context.counts.restorals.inc();
      log.info("restoral sent", { fid, segment, column });
    } catch (cause) {
      // Another miner was faster, or the file is gone, or its holders are away: there are others.
      if (hasCode(cause, "WORKER_FAILED")) workers.avoid(worker.account);
      const level = isRefusal(cause) ? "debug" : "warn";
      log[level]("restoral failed", { fid, segment, column, cause });
    }
  }

  async function takeOne(all: readonly Order[], signal: AbortSignal): Promise<void> {
    const orders = all.filter((order) => (retryMs.get(keyOf(order)) ?? 0) <= clock.nowMs());
    const ours = orders.filter((order) => order.claimant === chain.account);
    const open = orders.filter(isUnclaimed);
    // What is promised comes first; of the rest a random one, so that miners do not collide.
    const offset = random.below(open.length || 1);
    for (const order of [...ours, ...open.slice(offset), ...open.slice(0, offset)]) {
      if (signal.aborted) return;
      if (order.challengeId !== 0n || !(await isForUs(context, order))) continue;
      retryMs.set(keyOf(order), clock.nowMs() + RETRY_MS);
      await attempt(order, signal);
      return;
    }
  }

  return createLoop(context, {
    name: "repair",
    intervalMs: 2 * spec.blockMs,
    async work(signal) {
      if (!workers.isAny()) return;
      await context.orders.look(async () => {
        const orders = await readOrders(chain, random);
        await takeOne(orders, signal);
        return orders.length > 0;
      });
    },
  });
}

/**
 * Whether to take an order: for a while only miners that hold nothing of the file may; and what a
 * miner has lost it leaves to others as long as they may want it.
 */
async function isForUs(context: NodeContext, order: Order): Promise<boolean> {
  const { chain, ledger, directory, spec, store } = context;
  if (order.claimant === chain.account) return true;
  const self = directory.minerOf(chain.account);
  if (self?.state !== MINER_STATE.active) return false;
  const record = await readFileRecord(chain, order.fid);
  if (record === undefined) return false;
  const holds = record.holdings.some((_, column) => {
    return holderOf(record, { segment: order.segment, column })?.miner === chain.account;
  });
  const isOrigin = order.origin === chain.account;
  const graces = isOrigin ? ORIGIN_GRACES : holds ? 1 : 0;
  const waitUntil = Number(order.openedBlock) + graces * spec.restoralGraceBlocks;
  if (graces > 0 && (ledger.followedHeight ?? 0) <= waitUntil) return false;
  const needBytes = segmentsOf(order, record).length * fragmentBytesOf(record);
  return Math.min(freeBytesOf(self), await store.freeBytes()) > needBytes;
}

interface Restoral {
  readonly order: Order;
  readonly record: FileRecord;
  readonly worker: Worker;
}

/** What was rebuilt and tagged before the claim. */
interface Begun {
  readonly segment: number;
  readonly mac: Uint8Array;
}

/** Restores the first segment of an order: whoever can do that can do the rest. */
async function begin(
  context: NodeContext,
  source: FragmentSource,
  task: Restoral,
  signal: AbortSignal,
): Promise<Begun> {
  const segment = segmentsOf(task.order, task.record)[0] as number;
  return { segment, mac: await restoreSegment(context, source, { ...task, segment }, signal) };
}

/** Rebuilds, stores, has tagged, and tells the chain; the challenge that follows is the proof. */
async function restore(
  context: NodeContext,
  source: FragmentSource,
  task: Restoral & { readonly begun: Begun | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { order, record, worker, begun } = task;
  const macs: Uint8Array[] = [];
  for (const segment of segmentsOf(order, record)) {
    const isBegun = segment === begun?.segment;
    const restored = { order, record, worker, segment };
    macs.push(isBegun ? begun.mac : await restoreSegment(context, source, restored, signal));
  }
  const { fid, segment, column } = order;
  const { sizeBytes, profile: profileId } = record;
  const item: ReportItem = { fid, segment, column, sizeBytes, profileId, macs };
  const report = await signReport(context, worker, [item]);
  await context.chain.send("files", "completeRestoral", [report]);
}

async function restoreSegment(
  context: NodeContext,
  source: FragmentSource,
  task: Restoral & { readonly segment: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const piece = await rebuildPiece(context, source, task, signal);
  const { worker } = task;
  return tagPiece(context, { piece, worker, state: PIECE_STATE.restoring });
}

async function rebuildPiece(
  context: NodeContext,
  source: FragmentSource,
  task: { readonly order: Order; readonly record: FileRecord; readonly segment: number },
  signal: AbortSignal,
): Promise<Piece> {
  const { ledger, store, chain } = context;
  const { record, segment, order } = task;
  const { fid, column } = order;
  const known = ledger.piece({ fid, segment, column });
  const { restoring, released } = PIECE_STATE;
  const isStored = known !== undefined && store.info(known.fragmentId) !== undefined;
  if (isStored && known.state === restoring) return known;
  if (isStored && known.state === released) {
    // What was taken from us is whole: nothing is to be rebuilt.
    const again = { ...known, ...UNTAGGED, state: restoring };
    await ledger.change(() => ledger.putPiece(again));
    return again;
  }
  const common = { fid, profileId: record.profile, fileSizeBytes: Number(record.sizeBytes) };
  const file = identityOf(common);
  const { bytes, path } = await rebuildFragment(
    context,
    source,
    { file, record, segment, column },
    signal,
  );
  const limits = { sender: chain.account, sizeBytesMax: bytes.length };
  const { id: fragmentId } = await store.write(only(bytes), limits);
  await store.syncFiles([fragmentId]);
  const sinceBlock = ledger.followedHeight ?? 0;
  const state = restoring;
  const piece = {
    ...UNTAGGED,
    ...UNPROMISED,
    ...common,
    segment,
    column,
    fragmentId,
    path,
    sinceBlock,
    state,
  };
  await ledger.change(() => ledger.putPiece(piece));
  await ledger.flush();
  return piece;
}

function segmentsOf(order: Order, record: FileRecord): readonly number[] {
  if (order.segment !== SEGMENT_ALL) return [order.segment];
  return Array.from({ length: segmentCount(Number(record.sizeBytes)) }, (_, segment) => segment);
}

/** Of the largest segment, which is the first. */
function fragmentBytesOf(record: FileRecord): number {
  const profile = profileById(record.profile);
  if (profile === undefined) return Number.POSITIVE_INFINITY;
  const file = { fid: hexToBytes(record.fid), profile, fileSizeBytes: Number(record.sizeBytes) };
  return sizeOf({ file, segment: 0 });
}

function keyOf({ fid, segment, column }: Order): string {
  return `${fid}/${segment}/${column}`;
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
