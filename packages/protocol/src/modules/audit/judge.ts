/** How challenges end: by the drawn worker, by the chain's own check, or by a deadline. @module */
import { bigintToBytes, hexToBytes } from "@cess/std/bytes";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import type { ProofVerifier, Sample } from "../../proof-verifier.ts";
import { CHALLENGE_PURPOSE, CHALLENGE_STATE, JUDGE } from "../../states.ts";
import { defineSchedule, type Schedule, safe64 } from "../../storage.ts";
import { takeFromMiner } from "../files/holdings.ts";
import { finishRestoral } from "../files/restoral.ts";
import { notePassedAudit, penalise } from "../miners/records.ts";
import { parameter } from "../parameters.ts";
import { punishFalseVerdict, requireWorker } from "../tee/records.ts";
import {
  type Challenge,
  challenges,
  deadlines,
  drawNumber,
  emitAudit as emit,
  proofs,
  samples,
  VERDICT,
} from "./challenges.ts";
import { openChallenges, periodicChallenges } from "./open.ts";

/** Deadlines looked at in one block: most are of challenges that ended before. */
const DEADLINES_PER_BLOCK = 64;
/** Failures by deadline in one block: each may open an order for every one of 460 samples. */
const FAILURES_PER_BLOCK = 4;
/** Challenges whose proofs the chain checks itself in one block: each takes up to half a second. */
const CHECKS_PER_BLOCK = 1;

/** Verdicts that close a challenge, or have it checked, in one block. */
const VERDICTS_PER_BLOCK = 64;

/** Challenges that passed by the word of a worker, unless the next beacon selects them. */
const verdicts: Schedule<number> = defineSchedule({ module: "audit", name: "verdicts" }, safe64);
/** Challenges whose proof the chain is to check itself. */
const checks: Schedule<number> = defineSchedule({ module: "audit", name: "checks" }, safe64);

/** Ends what is overdue, then checks proofs: what is left waits for the next block. */
export async function judgeDue(host: ModuleHost, verifier: ProofVerifier): Promise<void> {
  let failures = 0;
  for (const id of await deadlines.takeDue(host, DEADLINES_PER_BLOCK)) {
    if (failures === FAILURES_PER_BLOCK) await deadlines.add(host, host.height + 1n, id);
    else if (await judgeLate(host, id)) failures += 1;
  }
  for (const id of await verdicts.takeDue(host, VERDICTS_PER_BLOCK)) await judgePassed(host, id);
  for (const id of await checks.takeDue(host, CHECKS_PER_BLOCK)) {
    const challenge = await challenges.get(host, id);
    if (challenge === undefined || challenge.state !== CHALLENGE_STATE.proven) continue;
    await judgeByChain(host, verifier, { id, challenge });
  }
}

/**
 * Notes the drawn worker's verdict. Whether it is checked is for the beacon of the next block to
 * say: a worker that is a contract could read that of its own block, and take back what would be.
 */
export async function judgeByVerdict(host: ModuleHost, id: number, passed: boolean): Promise<void> {
  const challenge = (await challenges.get(host, id)) as Challenge;
  const verdict = passed ? VERDICT.passed : VERDICT.failed;
  await challenges.set(host, id, { ...challenge, verdict });
  await (passed ? verdicts : checks).add(host, host.height + 1n, id);
}

async function judgePassed(host: ModuleHost, id: number): Promise<void> {
  const challenge = await challenges.get(host, id);
  if (challenge === undefined || challenge.state !== CHALLENGE_STATE.proven) return;
  if (await isRechecked(host, id)) await checks.add(host, host.height + 1n, id);
  else await close(host, { id, challenge, passed: true, judge: JUDGE.tee });
}

/** Whether each proof of a challenge answers the samples that its worker tagged. */
export async function checkProofs(
  host: ModuleHost,
  verifier: ProofVerifier,
  { id, challenge }: { readonly id: number; readonly challenge: Challenge },
): Promise<boolean> {
  const drawn = (await samples.get(host, id)) ?? [];
  const byTEE = Map.groupBy(drawn, (sample) => sample.tee);
  const given = (await proofs.get(host, id)) ?? [];
  for (const { tee, proof } of given) {
    const worker = await requireWorker(host, tee);
    const isSound = await verifier.check({
      tagKey: hexToBytes(worker.tagKey, 192),
      tagKeyHash: hexToBytes(worker.tagKeyHash, 32),
      seed: hexToBytes(challenge.seed, 32),
      samples: byTEE.get(tee) ?? [],
      proof: hexToBytes(proof),
    });
    if (!isSound) return false;
  }
  return given.length > 0;
}

interface Ending {
  readonly id: number;
  readonly challenge: Challenge;
  readonly passed: boolean;
  readonly judge: number;
}

/** At each of a challenge's two deadlines; it may have ended since. True if it failed now. */
async function judgeLate(host: ModuleHost, id: number): Promise<boolean> {
  const challenge = await challenges.get(host, id);
  if (challenge === undefined) return false;
  if (challenge.state === CHALLENGE_STATE.open) {
    await close(host, { id, challenge, passed: false, judge: JUDGE.deadline });
    return true;
  }
  if (
    challenge.state === CHALLENGE_STATE.proven &&
    challenge.verdict === VERDICT.none &&
    host.height > BigInt(challenge.verdictDeadline)
  ) {
    await checks.add(host, host.height + 1n, id);
  }
  return false;
}

async function judgeByChain(
  host: ModuleHost,
  verifier: ProofVerifier,
  judged: { readonly id: number; readonly challenge: Challenge },
): Promise<void> {
  const { id, challenge } = judged;
  const passed = await checkProofs(host, verifier, judged);
  const isFalse =
    challenge.verdict !== VERDICT.none && (challenge.verdict === VERDICT.passed) !== passed;
  if (isFalse && challenge.verifier !== ZERO_ADDRESS) {
    emit(host, "FalseVerdict", { id: BigInt(id), verifier: challenge.verifier });
    await punishFalseVerdict(host, challenge.verifier);
  }
  await close(host, { id, challenge, passed, judge: JUDGE.chain });
}

async function isRechecked(host: ModuleHost, id: number): Promise<boolean> {
  const oneIn = Number(await parameter(host, "verdictRecheckOneIn"));
  const idBytes = bigintToBytes(BigInt(id), 32);
  return drawNumber("cess/audit/recheck/v1", host.beacon, idBytes) % oneIn === 0;
}

async function close(host: ModuleHost, ending: Ending): Promise<void> {
  const { id, challenge, passed, judge } = ending;
  const { miner, place, purpose } = challenge;
  const state = passed ? CHALLENGE_STATE.passed : CHALLENGE_STATE.failed;
  await challenges.set(host, id, { ...challenge, state });
  await openChallenges.remove(host, { miner }, id);
  emit(host, "ChallengeClosed", { id: BigInt(id), miner, passed, judge });
  if (place !== undefined) {
    await finishRestoral(host, { challengeId: id, place, hasPassed: passed });
    return;
  }
  if (purpose === CHALLENGE_PURPOSE.periodic) await periodicChallenges.delete(host, miner);
  if (passed) await notePassedAudit(host, miner);
  else await failPeriodic(host, id, challenge);
}

/** Who cannot prove samples is penalised and loses the fragments that they are of. */
async function failPeriodic(host: ModuleHost, id: number, { miner }: Challenge): Promise<void> {
  const drawn = (await samples.get(host, id)) ?? [];
  const byColumn = Map.groupBy(drawn, ({ fid, column }) => `${fid}/${column}`);
  for (const sampled of byColumn.values()) {
    const [{ fid, column }] = sampled as [Sample];
    const segments = [...new Set(sampled.map((sample) => sample.segment))];
    await takeFromMiner(host, { miner, fid, column, segments });
  }
  await penalise(host, miner);
}
