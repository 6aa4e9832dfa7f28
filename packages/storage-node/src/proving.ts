import assert from "node:assert/strict";
import { isRefusal } from "@cess/chain-client/error";
import type { ViewResult } from "@cess/chain-client/modules";
import { BLOCK_BYTES } from "@cess/params/podr2";
import { keySeed } from "@cess/proofs/podr2/challenge";
import type { ProveTask } from "@cess/proofs/podr2/pool-task";
import { CHALLENGE_STATE } from "@cess/protocol/states";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { Semaphore } from "@cess/std/semaphore";
import { roundToLeaves } from "@cess/storage-wire/range";
import { TAG_BYTES } from "@cess/storage-wire/tag-request";
import { isSmall } from "./fragment-store.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece, type PiecePlace } from "./piece.ts";

export type ChallengeSample = ViewResult<"audit", "samplesOf">[number];

type ProofSample = ProveTask["samples"][number];

const CHALLENGES_MAX = 1024;
/** Sampled blocks that are read at once. */
const READS_MAX = 16;
const RETRY_BLOCKS = 3;

/** Answers challenges to this miner. */
export function createProvingLoop(context: NodeContext): Service {
  const { chain, clock, log, spec, counts, challenges } = context;
  /** When to look at a challenge again; never, once it is answered. */
  const nextMs = new BoundedMap<bigint, number>(CHALLENGES_MAX);

  async function answer(id: bigint): Promise<void> {
    const { state, seed } = await chain.read("audit", "challengeOf", [id]);
    if (state !== CHALLENGE_STATE.open) {
      nextMs.set(id, Number.POSITIVE_INFINITY);
      return;
    }
    const samples = await chain.read("audit", "samplesOf", [id]);
    const proofs = await proveSamples(context, hexToBytes(seed, 32), samples);
    if (proofs === undefined) {
      if (nextMs.get(id) === undefined) {
        log.error("challenge cannot be answered: samples are lost", { id });
        counts.challenges.inc({ outcome: "lost" });
      }
      // What is lost may be restored here before the deadline.
      nextMs.set(id, clock.nowMs() + RETRY_BLOCKS * spec.blockMs);
      return;
    }
    try {
      await chain.send("audit", "submitProof", [id, proofs]);
      counts.challenges.inc({ outcome: "proven" });
      log.info("challenge answered", { id, sampleCount: samples.length });
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      counts.challenges.inc({ outcome: "refused" });
      log.warn("proof refused", { id, cause });
    }
    nextMs.set(id, Number.POSITIVE_INFINITY);
  }

  return createLoop(context, {
    name: "prove",
    intervalMs: spec.blockMs,
    async work(signal) {
      await challenges.look(async () => {
        const open = await chain.read("audit", "openChallengeOf", [chain.account]);
        for (const id of open) {
          if (signal.aborted) break;
          if ((nextMs.get(id) ?? 0) <= clock.nowMs()) await answer(id);
        }
        return open.length > 0;
      });
    },
  });
}

/**
 * One proof for each worker among the samples.
 *
 * @returns undefined if a sample is lost; the pieces that are get marked so.
 */
export async function proveSamples(
  context: NodeContext,
  seed: Uint8Array,
  samples: readonly ChallengeSample[],
): Promise<readonly { readonly tee: Hex; readonly proof: Hex }[] | undefined> {
  const located = await locateSamples(context, samples);
  if (located.some((each) => each === undefined)) return undefined;
  const byWorker = Map.groupBy(located.keys(), (index) => (samples[index] as ChallengeSample).tee);
  return await Promise.all(
    [...byWorker].map(async ([tee, indexes]) => {
      const publicKey = await context.workerKeys.of(tee);
      const { tagKeyHash } = context.directory.workerOf(tee) as { tagKeyHash: Hex };
      const proof = await context.pool.prove({
        publicKey,
        seed: keySeed(seed, hexToBytes(tagKeyHash, 32)),
        samples: indexes.map((index) => located[index] as ProofSample),
      });
      return { tee, proof: bytesToHex(proof) };
    }),
  );
}

/**
 * PERF: reads several blocks at once, and a block that was drawn twice once: a node that is busy
 * with uploads takes its time for each read, and a challenge has hundreds of samples.
 */
async function locateSamples(
  context: NodeContext,
  samples: readonly ChallengeSample[],
): Promise<readonly (ProofSample | undefined)[]> {
  const reads = new Semaphore(READS_MAX);
  const byBlock = new Map<string, Promise<ProofSample | undefined>>();
  const located = samples.map((sample) => {
    const { fid, segment, column, blockIndex } = sample;
    const block = `${fid}/${segment}/${column}/${blockIndex}`;
    const known = byBlock.get(block) ?? reads.run(() => locateSample(context, sample));
    byBlock.set(block, known);
    return known;
  });
  // What fails does so once all reads have ended: nothing goes on behind the caller's back.
  await Promise.allSettled(located);
  return await Promise.all(located);
}

/** Where a sampled block lies, after its bytes were checked: a proof does not say what is wrong. */
async function locateSample(
  context: NodeContext,
  sample: ChallengeSample,
): Promise<ProofSample | undefined> {
  const { store, ledger } = context;
  const piece = ledger.piece(sample);
  const sizeBytes = piece && Number(store.info(piece.fragmentId)?.sizeBytes ?? 0);
  if (piece === undefined || !sizeBytes) {
    await reportMissing(context, sample, piece);
    return undefined;
  }
  const block = {
    fid: hexToBytes(sample.fid, 32),
    segmentIndex: sample.segment,
    column: sample.column,
    blockIndex: sample.blockIndex,
  };
  try {
    return { ...block, stored: await findBlock(context, piece, { ...block, sizeBytes }) };
  } catch (cause) {
    if (!hasCode(cause, "FRAGMENT_LOST", "FRAGMENT_NOT_FOUND")) throw cause;
    return undefined;
  }
}

/** Throws as reading does. */
async function findBlock(
  { store, files, ledger }: NodeContext,
  piece: Piece,
  { blockIndex, sizeBytes }: { readonly blockIndex: number; readonly sizeBytes: number },
): Promise<ProofSample["stored"]> {
  const { fragmentId } = piece;
  const first = blockIndex * BLOCK_BYTES;
  const end = Math.min(first + BLOCK_BYTES, sizeBytes);
  if (!isSmall(sizeBytes)) {
    await store.verify(fragmentId, roundToLeaves({ first, last: end - 1 }, sizeBytes));
    return { path: files.fragmentPath(fragmentId), tagPath: files.tagPath(piece), sizeBytes };
  }
  const bytes = (await store.readAll(fragmentId)).slice(first, end);
  const tags = ledger.tagsOf(piece);
  assert(tags !== undefined, "a piece under audit has tags");
  const firstTag = blockIndex * TAG_BYTES;
  return { bytes, tag: new Uint8Array(tags.subarray(firstTag, firstTag + TAG_BYTES)) };
}

/** The chain counts on something that is not here at all. */
async function reportMissing(
  { ledger, chain, log }: NodeContext,
  { fid, segment, column }: PiecePlace,
  piece: Piece | undefined,
): Promise<void> {
  if (piece !== undefined) {
    await ledger.change(() => ledger.putPiece({ ...piece, state: PIECE_STATE.lost }));
    return;
  }
  try {
    await chain.send("files", "reportLost", [fid, segment, column]);
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    log.debug("loss is known on chain", { fid, segment, column, cause });
  }
}
