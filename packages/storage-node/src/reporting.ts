import type { Worker } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import { segmentCount } from "@cess/erasure/layout";
import { SEGMENT_ALL } from "@cess/protocol/states";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import type { ReportItem } from "@cess/storage-wire/tag-request";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece, UNTAGGED } from "./piece.ts";

/** One item of a report, with the pieces it speaks of. */
interface Reported {
  readonly item: ReportItem;
  readonly pieces: readonly Piece[];
}

/** A report costs every validator the same, however much it reports. */
const INTERVAL_BLOCKS = 4;
const PIECES_PER_ROUND = 4096;
/** An item takes about 60,000 gas, more in a column with overrides, and a transaction has 2^24. */
const ITEMS_PER_REPORT = 128;
/** Blocks for which a signed report may be sent. */
export const REPORT_EXPIRY_BLOCKS = 100n;

/** Tells the chain what was tagged, many columns at a time. */
export function createReportingLoop(context: NodeContext): Service {
  const { ledger } = context;
  return createLoop(context, {
    name: "report-tags",
    intervalMs: INTERVAL_BLOCKS * context.spec.blockMs,
    async work(signal) {
      const tagged = ledger.piecesIn(PIECE_STATE.tagged, PIECES_PER_ROUND);
      const columns = Map.groupBy(tagged, (piece) => `${piece.fid}/${piece.column}`);
      const ready: Reported[] = [];
      for (const [{ fid, column }] of columns.values() as Iterable<[Piece]>) {
        ready.push(...(await readyToReport(context, ledger.piecesOfColumn(fid, column))));
      }
      const byWorker = Map.groupBy(ready, ({ pieces }) => (pieces[0] as Piece).tee);
      for (const [tee, all] of byWorker) {
        for (let at = 0; at < all.length && !signal.aborted; at += ITEMS_PER_REPORT) {
          const isSent = await reportBatch(context, tee, all.slice(at, at + ITEMS_PER_REPORT));
          if (!isSent) break;
        }
      }
    },
  });
}

/** Whole columns as one item, once all of their segments were tagged by one worker. */
async function readyToReport(
  context: NodeContext,
  pieces: readonly Piece[],
): Promise<readonly Reported[]> {
  const mine = pieces.filter((piece) => piece.state <= PIECE_STATE.reported);
  const [first] = mine.filter((piece) => piece.state === PIECE_STATE.tagged);
  if (first === undefined) return [];
  const isActive = context.directory.workerOf(first.tee)?.isActive === true;
  const isWhole = mine.length === segmentCount(first.fileSizeBytes);
  if (!isActive) {
    await untag(context, mine);
    return [];
  }
  if (!isWhole) {
    await giveUpColumn(context, first);
    return [];
  }
  if (mine.some((piece) => piece.state === PIECE_STATE.declared)) return [];
  const byOthers = mine.filter((piece) => piece.tee !== first.tee);
  if (byOthers.length > 0) {
    await untag(context, byOthers);
    return [];
  }
  return [toReported(mine)];
}

function toReported(pieces: readonly Piece[]): Reported {
  const segment = SEGMENT_ALL;
  const { fid, column, profileId, fileSizeBytes } = pieces[0] as Piece;
  const macs = pieces.map((piece) => piece.mac);
  const sizeBytes = BigInt(fileSizeBytes);
  return { item: { fid, segment, column, profileId, sizeBytes, macs }, pieces };
}

/** Columns are tagged whole: what is left of one that lost a segment before that cannot be. */
async function giveUpColumn(
  { chain, ledger, log }: NodeContext,
  { fid, column }: Piece,
): Promise<void> {
  try {
    await chain.send("files", "reportLost", [fid, SEGMENT_ALL, column]);
    log.error("column lost before it was tagged", { fid, column });
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
  }
  await ledger.change(() => ledger.markDirty(fid, ledger.followedHeight ?? 0));
}

/**
 * Halves a batch that the chain refuses, so that one item cannot hold up the others.
 *
 * @returns false if the worker did not sign: those of other workers are not to wait for it.
 */
async function reportBatch(
  context: NodeContext,
  tee: Hex,
  batch: readonly Reported[],
): Promise<boolean> {
  const { chain, ledger, log } = context;
  const pieces = batch.flatMap((each) => each.pieces);
  try {
    const worker = context.directory.workerOf(tee) as Worker;
    const report = await signReport(
      context,
      worker,
      batch.map((each) => each.item),
    );
    await chain.send("files", "reportTags", [report]);
    await ledger.change(() => {
      for (const piece of pieces) moveOn(context, piece, { state: PIECE_STATE.reported });
    });
    log.info("tags reported", { count: batch.length, worker: tee });
    return true;
  } catch (cause) {
    if (hasCode(cause, "WORKER_FAILED") && String(cause).includes("MAC_INVALID")) {
      await untag(context, pieces);
      return true;
    }
    if (hasCode(cause, "WORKER_FAILED")) {
      log.warn("a worker does not sign for its tags", { worker: tee, cause });
      return false;
    }
    if (!isRefusal(cause)) throw cause;
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      const isSent = await reportBatch(context, tee, batch.slice(0, middle));
      return isSent && (await reportBatch(context, tee, batch.slice(middle)));
    }
    const { item } = batch[0] as Reported;
    log.warn("tag report refused", { fid: item.fid, segment: item.segment, cause });
    await ledger.change(() => ledger.markDirty(item.fid, ledger.followedHeight ?? 0));
    return true;
  }
}

/** A report as the chain takes it. */
export interface SignedReport {
  readonly tee: Hex;
  readonly miner: Hex;
  readonly expiryBlock: bigint;
  readonly items: readonly {
    readonly fid: Hex;
    readonly segment: number;
    readonly column: number;
  }[];
  readonly signature: Hex;
}

/** Has a worker sign for what it tagged. */
export async function signReport(
  { chain, tee }: NodeContext,
  worker: Worker,
  items: readonly ReportItem[],
): Promise<SignedReport> {
  const miner = chain.account;
  const expiryBlock = BigInt(await chain.height()) + REPORT_EXPIRY_BLOCKS;
  const signature = bytesToHex(await tee.report(worker, { miner, expiryBlock, items }));
  const named = items.map(({ fid, segment, column }) => ({ fid, segment, column }));
  return { tee: worker.account, miner, expiryBlock, items: named, signature };
}

/** Has pieces tagged anew. */
async function untag(context: NodeContext, pieces: readonly Piece[]): Promise<void> {
  await context.ledger.change(() => {
    for (const piece of pieces) {
      moveOn(context, piece, { ...UNTAGGED, state: PIECE_STATE.declared });
    }
  });
}

/** Changes a tagged piece, unless something else has changed it since. */
function moveOn({ ledger }: NodeContext, piece: Piece, change: Partial<Piece>): void {
  const current = ledger.piece(piece);
  if (current?.state === PIECE_STATE.tagged) ledger.putPiece({ ...current, ...change });
}
