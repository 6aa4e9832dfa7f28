import type { ChainSender } from "@cess/chain-client/chain";
import type { Directory } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import { createFollower } from "@cess/chain-client/follow";
import type { ChainEvent, ViewResult } from "@cess/chain-client/modules";
import type { ChainSpec } from "@cess/params/chain-spec";
import { keySeed } from "@cess/proofs/podr2/challenge";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import { CHALLENGE_STATE } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import { composeServices, type Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import type { WorkerMetrics } from "./metrics.ts";

export interface VerifierDeps {
  readonly chain: ChainSender;
  readonly directory: Directory;
  readonly pool: Podr2Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly spec: ChainSpec;
  readonly counts: Pick<WorkerMetrics, "verdicts">;
}

type Sample = ViewResult<"audit", "samplesOf">[number];
type TEEProof = ViewResult<"audit", "proofsOf">[number];

const CHALLENGES_MAX = 4096;
const INTERVAL_MS = 250;
const AT_ONCE = 4;

/** Gives a verdict on every challenge that this worker is drawn for. */
export function createVerifier(deps: VerifierDeps): Service {
  const { chain, log, spec } = deps;
  /** Drawn for us; true once a proof is in. */
  const drawn = new BoundedMap<bigint, boolean>(CHALLENGES_MAX);

  function takeIn(event: ChainEvent): void {
    if (event.module !== "audit") return;
    const { name, args } = event;
    if (name === "ChallengeOpened" && args.verifier === chain.account) drawn.set(args.id, false);
    if (name === "ProofSubmitted" && drawn.get(args.id) !== undefined) drawn.set(args.id, true);
    if (name === "ChallengeClosed") drawn.delete(args.id);
    if (name === "VerdictGiven") drawn.delete(args.id);
  }

  async function judge(id: bigint): Promise<void> {
    const { state, verifier, seed } = await chain.read("audit", "challengeOf", [id]);
    if (state !== CHALLENGE_STATE.proven || verifier !== chain.account) {
      drawn.delete(id);
      return;
    }
    const [samples, proofs] = await Promise.all([
      chain.read("audit", "samplesOf", [id]),
      chain.read("audit", "proofsOf", [id]),
    ]);
    const passed = await checkProofs(deps, { seed, samples, proofs });
    if (passed !== undefined) await submitVerdict(id, passed);
    drawn.delete(id);
  }

  async function submitVerdict(id: bigint, passed: boolean): Promise<void> {
    try {
      await chain.send("audit", "submitVerdict", [id, passed]);
      deps.counts.verdicts.inc({ outcome: passed ? "passed" : "failed" });
      log.info("verdict given", { id, passed });
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      log.warn("verdict refused", { id, passed, cause });
    }
  }

  const follower = createFollower(deps, {
    // Challenges that were open when this worker stopped are seen again.
    fromBlock: async () =>
      Math.max(0, (await chain.height()) - spec.proofBlocks - spec.verdictBlocks),
    onBlocks: async (events) => events.forEach(takeIn),
  });
  const judging = createLoop(deps, {
    name: "verify",
    intervalMs: INTERVAL_MS,
    async work() {
      const ready = [...drawn.entries()].filter(([, isProven]) => isProven).map(([id]) => id);
      await Promise.all(ready.slice(0, AT_ONCE).map(judge));
    },
  });
  return composeServices([follower, judging]);
}

/**
 * Whether every worker's samples are answered by one proof that holds.
 *
 * @returns undefined if a key is not known here: then it is for the chain to judge.
 */
export async function checkProofs(
  { directory, pool }: Pick<VerifierDeps, "directory" | "pool">,
  claim: {
    readonly seed: Hex;
    readonly samples: readonly Sample[];
    readonly proofs: readonly TEEProof[];
  },
): Promise<boolean | undefined> {
  const { seed, samples, proofs } = claim;
  const byWorker = Map.groupBy(samples, (sample) => sample.tee);
  const proofOf = new Map(proofs.map((each) => [each.tee, each.proof]));
  const isOneEach = proofs.length === byWorker.size && proofOf.size === byWorker.size;
  if (!isOneEach || [...byWorker.keys()].some((tee) => !proofOf.has(tee))) return false;
  let holds = true;
  for (const [tee, asked] of byWorker) {
    const worker = directory.workerOf(tee);
    if (worker === undefined) return undefined;
    holds &&= await pool.check({
      verifierKey: hexToBytes(worker.tagKey, 192),
      seed: keySeed(hexToBytes(seed, 32), hexToBytes(worker.tagKeyHash, 32)),
      samples: asked.map(({ fid, segment, column, blockIndex }) => {
        return { fid: hexToBytes(fid, 32), segmentIndex: segment, column, blockIndex };
      }),
      proof: hexToBytes(proofOf.get(tee) as Hex),
    });
  }
  return holds;
}
