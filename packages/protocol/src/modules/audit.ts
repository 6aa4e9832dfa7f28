import { CHALLENGE_SAMPLES } from "@cess/params/podr2";
import type { Hex } from "@cess/std/bytes";
import { auditAbi } from "../abi/audit.ts";
import { require } from "../error.ts";
import { defineModule, GAS, type Handlers, type ModuleDefinition } from "../module.ts";
import type { ProofVerifier } from "../proof-verifier.ts";
import { CHALLENGE_STATE } from "../states.ts";
import { pageIndexes } from "../storage.ts";
import {
  type Challenge,
  challenges,
  emitAudit as emit,
  idToKey,
  nextId,
  oldestId,
  PROOF_BYTES,
  proofs,
  requireChallenge,
  samples,
  type TEEProof,
  VERDICT,
} from "./audit/challenges.ts";
import { drawMiners, pruneChallenges } from "./audit/draw.ts";
import { checkProofs, judgeByVerdict, judgeDue } from "./audit/judge.ts";
import { openChallenges } from "./audit/open.ts";
import { canVerify, noteWork, requireWorker } from "./tee/records.ts";

const OPEN_LISTED_MAX = 100n;

export function createAuditModule(deps: {
  readonly proofVerifier: ProofVerifier;
}): ModuleDefinition {
  const { proofVerifier } = deps;
  const calls: Handlers<typeof auditAbi> = {
    async submitProof(context, [id, given]) {
      const challenge = await requireChallenge(context, id);
      require(challenge.miner === context.caller, "NOT_ALLOWED", "another miner's challenge");
      require(challenge.state === CHALLENGE_STATE.open, "STATE_WRONG", "the challenge is not open");
      const isInTime = context.height <= BigInt(challenge.proofDeadline);
      require(isInTime, "EXPIRED", "the time for the proof is over");
      requireProofs(challenge, given);
      await proofs.set(context, idToKey(id), given);
      const proven = { ...challenge, state: CHALLENGE_STATE.proven };
      await challenges.set(context, idToKey(id), proven);
      emit(context, "ProofSubmitted", { id, miner: challenge.miner });
    },
    async submitVerdict(context, [id, passed]) {
      const { caller } = context;
      const challenge = await requireChallenge(context, id);
      require(challenge.verifier === caller, "NOT_ALLOWED", "another worker was drawn");
      const isAwaited =
        challenge.state === CHALLENGE_STATE.proven && challenge.verdict === VERDICT.none;
      require(isAwaited, "STATE_WRONG", "no verdict is awaited");
      const isInTime = context.height <= BigInt(challenge.verdictDeadline);
      require(isInTime, "EXPIRED", "the time for the verdict is over");
      const isActive = canVerify(await requireWorker(context, caller));
      require(isActive, "STATE_WRONG", "the worker is retired");
      await noteWork(context, caller, 1);
      emit(context, "VerdictGiven", { id, verifier: caller, passed });
      await judgeByVerdict(context, idToKey(id), passed);
    },
    async challengeOf(context, [id]) {
      return viewChallenge(id, await requireChallenge(context, id));
    },
    async samplesOf(context, [id]) {
      await requireChallenge(context, id);
      return (await samples.get(context, idToKey(id))) ?? [];
    },
    async proofsOf(context, [id]) {
      await requireChallenge(context, id);
      return (await proofs.get(context, idToKey(id))) ?? [];
    },
    async listChallenges(context, [offset, count]) {
      const first = await oldestId.get(context);
      const total = (await nextId.get(context)) - first;
      const found: ReturnType<typeof viewChallenge>[] = [];
      for (const index of pageIndexes({ offset, count }, total)) {
        const id = BigInt(first + index);
        found.push(await viewChallenge(id, await requireChallenge(context, id)));
      }
      return [found, BigInt(total)];
    },
    async openChallengeOf(context, [miner]) {
      const page = { offset: 0n, count: OPEN_LISTED_MAX };
      return (await openChallenges.page(context, { miner }, page)).map(BigInt);
    },
    async checkProof(context, [id]) {
      const challenge = await requireChallenge(context, id);
      const drawn = (await samples.get(context, idToKey(id))) ?? [];
      context.chargeGas(GAS.proofSample * BigInt(drawn.length));
      return checkProofs(context, proofVerifier, { id: idToKey(id), challenge });
    },
  };
  return defineModule("audit", auditAbi, {
    calls,
    async beginBlock(host) {
      await judgeDue(host, proofVerifier);
      await pruneChallenges(host);
      await drawMiners(host);
    },
  });
}

/** One proof of the right length for each worker that tagged samples, and no other. */
function requireProofs({ tees }: Challenge, given: readonly TEEProof[]): void {
  const named = new Set<Hex>();
  for (const { tee, proof } of given) {
    const isAsked = tees.includes(tee) && !named.has(tee);
    require(isAsked, "PROOF_INVALID", "one proof for each worker among the samples");
    require(proof.length === 2 + 2 * PROOF_BYTES, "PROOF_INVALID", `${PROOF_BYTES} bytes a proof`);
    named.add(tee);
  }
  require(named.size === tees.length, "PROOF_INVALID", "a worker among the samples has no proof");
}

function viewChallenge(id: bigint, challenge: Challenge) {
  const { miner, verifier, seed, purpose, state } = challenge;
  return {
    id,
    miner,
    verifier,
    seed,
    purpose,
    state,
    openedBlock: BigInt(challenge.openedBlock),
    proofDeadline: BigInt(challenge.proofDeadline),
    verdictDeadline: BigInt(challenge.verdictDeadline),
    sampleCount: CHALLENGE_SAMPLES,
  };
}
