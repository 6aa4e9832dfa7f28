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

/** Tags that a worker made, and the piece that they were made for. */
interface Tagged {
  readonly piece: Piece;
  readonly worker: Worker;
  readonly mac: Uint8Array;
  readonly tags: Uint8Array;
  readonly isSmall: boolean;
}

/** Has new holdings tagged. */
export function createTaggingLoop(context: NodeContext, workers: WorkerChoice): Service {
  const { ledger } = context;
  return createLoop(context, {
    name: "tag",
    intervalMs: INTERVAL_MS,
    async work(signal) {
      // PERF: small ones share a transaction; a large one takes longer than its transaction does.
      let waiting: Tagged[] = [];
      const keep = async (): Promise<void> => {
        const batch = waiting;
        waiting = [];
        await keepTags(context, batch, PIECE_STATE.tagged);
      };
      for (const piece of ledger.piecesIn(PIECE_STATE.declared, PIECES_PER_ROUND)) {
        if (signal.aborted || !workers.isAny()) break;
        const tagged = await tryToTag(context, workers, piece);
        if (tagged !== undefined) waiting.push(tagged);
        if (tagged?.isSmall === false) await keep();
      }
      await keep();
    },
  });
}

/** @returns undefined if it failed, after doing what may help next time. */
async function tryToTag(
  context: NodeContext,
  workers: WorkerChoice,
  piece: Piece,
): Promise<Tagged | undefined> {
  const { ledger, log } = context;
  const column = ledger.piecesOfColumn(piece.fid, piece.column);
  const tagged = column.find((each) => each.state === PIECE_STATE.tagged);
  const worker = workers.choose(tagged?.tee);
  try {
    return await requestTags(context, piece, worker);
  } catch (cause) {
    if (hasCode(cause, "FRAGMENT_NOT_FOUND")) {
      await ledger.change(() => ledger.putPiece({ ...piece, state: PIECE_STATE.lost }));
    }
    // A worker's trouble passes, or another helps.
    if (hasCode(cause, "WORKER_FAILED")) workers.avoid(worker.account);
    const { fid, segment } = piece;
    log.warn("tagging failed", { fid, segment, worker: worker.account, cause });
    return undefined;
  }
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
  const tagged = await requestTags(context, task.piece, task.worker);
  await keepTags(context, [tagged], task.state);
  return tagged.mac;
}

async function requestTags(context: NodeContext, piece: Piece, worker: Worker): Promise<Tagged> {
  const { store, tee, workerKeys, chain } = context;
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
  return { piece, worker, mac, tags, isSmall: isSmall(fragment.length) };
}

/** Keeps tags, and moves their pieces on unless something else has moved them since. */
async function keepTags(
  { files, ledger, counts }: NodeContext,
  batch: readonly Tagged[],
  state: number,
): Promise<void> {
  if (batch.length === 0) return;
  for (const { piece, tags, isSmall } of batch) {
    if (!isSmall) await files.writeTags(piece, tags);
  }
  await ledger.change(() => {
    for (const { piece, worker, mac, tags, isSmall } of batch) {
      const current = ledger.piece(piece);
      if (current?.state !== piece.state) continue;
      ledger.putPiece({ ...current, state, tee: worker.account, mac });
      if (isSmall) ledger.putTags(piece, tags);
    }
  });
  counts.taggedFragments.inc({}, batch.length);
}
