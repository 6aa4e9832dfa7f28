import type { Worker } from "@cess/chain-client/directory";
import { fragmentBlockCount } from "@cess/erasure/layout";
import { TEE_ROLE } from "@cess/protocol/states";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { TAG_BYTES } from "@cess/storage-wire/tag-request";
import { StorageNodeError } from "./error.ts";
import { isSmall } from "./fragment-store.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece } from "./piece.ts";

const PIECES_PER_ROUND = 64;
const INTERVAL_MS = 500;
const AVOID_MS = 10_000;
const WORKERS_MAX = 4096;

/** Which worker to ask: any that tags, except for a while those that failed. */
export class WorkerChoice {
  readonly #context: NodeContext;
  readonly #avoidUntilMs = new BoundedMap<Hex, number>(WORKERS_MAX);

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /**
   * @param preferred - Taken if it is active: the segments of a column are reported by one worker.
   * @throws {@link StorageNodeError} `NO_WORKER`
   */
  choose(preferred?: Hex): Worker {
    const { random } = this.#context;
    const usable = this.#usable();
    const worker =
      usable.find((each) => each.account === preferred) ?? usable[random.below(usable.length || 1)];
    if (worker === undefined) throw new StorageNodeError({ code: "NO_WORKER" });
    return worker;
  }

  /** False while none is registered, and for a while after all have failed. */
  isAny(): boolean {
    return this.#usable().length > 0;
  }

  avoid(account: Hex): void {
    this.#avoidUntilMs.set(account, this.#context.clock.nowMs() + AVOID_MS);
  }

  #usable(): readonly Worker[] {
    const { directory, clock } = this.#context;
    const nowMs = clock.nowMs();
    return directory.activeWorkers().filter((worker) => {
      const isAvoided = (this.#avoidUntilMs.get(worker.account) ?? 0) > nowMs;
      return worker.role !== TEE_ROLE.verifier && !isAvoided;
    });
  }
}

/** Has new holdings tagged. */
export function createTaggingLoop(context: NodeContext, workers: WorkerChoice): Service {
  const { ledger, log } = context;
  return createLoop(context, {
    name: "tag",
    intervalMs: INTERVAL_MS,
    async work(signal) {
      for (const piece of ledger.piecesIn(PIECE_STATE.declared, PIECES_PER_ROUND)) {
        if (signal.aborted || !workers.isAny()) return;
        const column = ledger.piecesOfColumn(piece.fid, piece.column);
        const tagged = column.find((each) => each.state === PIECE_STATE.tagged);
        const worker = workers.choose(tagged?.tee);
        try {
          await tagPiece(context, { piece, worker, state: PIECE_STATE.tagged });
        } catch (cause) {
          if (hasCode(cause, "FRAGMENT_NOT_FOUND")) {
            await ledger.change(() => ledger.putPiece({ ...piece, state: PIECE_STATE.lost }));
          }
          // A worker's trouble passes, or another helps.
          if (hasCode(cause, "WORKER_FAILED")) workers.avoid(worker.account);
          const { fid, segment } = piece;
          log.warn("tagging failed", { fid, segment, worker: worker.account, cause });
        }
      }
    },
  });
}

/**
 * Has one piece tagged, keeps the tags, and moves the piece on to `state`.
 *
 * @throws {@link StorageNodeError} `WORKER_FAILED`, and as reading the fragment does.
 */
export async function tagPiece(
  context: NodeContext,
  task: { readonly piece: Piece; readonly worker: Worker; readonly state: number },
): Promise<Uint8Array> {
  const { store, files, ledger, tee, workerKeys, chain } = context;
  const { piece, worker } = task;
  // Tags are of use only with the key that proofs over them are made with.
  await workerKeys.of(worker.account);
  const fragment = await store.readAll(piece.fragmentId);
  const { fid, profileId, path, fileSizeBytes } = piece;
  const head = {
    miner: chain.account,
    fid,
    profileId,
    path,
    sizeBytes: BigInt(fileSizeBytes),
  };
  const { mac, tags } = await tee.tag(worker, head, fragment);
  if (tags.length !== fragmentBlockCount(fragment.length) * TAG_BYTES) {
    const reason = "not one tag for each block";
    throw new StorageNodeError({ code: "WORKER_FAILED", worker: worker.account, reason });
  }
  const isKeptInLedger = isSmall(fragment.length);
  if (!isKeptInLedger) await files.writeTags(piece, tags);
  await ledger.change(() => {
    if (ledger.piece(piece)?.state !== piece.state) return;
    ledger.putPiece({ ...piece, state: task.state, tee: worker.account, mac });
    if (isKeptInLedger) ledger.putTags(piece, tags);
  });
  context.counts.taggedFragments.inc();
  return mac;
}
