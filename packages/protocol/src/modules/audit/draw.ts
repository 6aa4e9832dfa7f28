import { type Hex, hexToBytes } from "@cess/std/bytes";
import type { ModuleHost } from "../../module.ts";
import { CHALLENGE_STATE, MINER_STATE } from "../../states.ts";
import { registered, standings } from "../miners/records.ts";
import {
  challenges,
  drawNumber,
  nextId,
  oldestId,
  openPeriodic,
  proofs,
  samples,
} from "./challenges.ts";
import { periodicChallenges } from "./open.ts";
import { countAuditBlocks } from "./slots.ts";

/** Challenges opened in one block; miners drawn beyond wait for another draw. */
const OPENINGS_PER_BLOCK = 32;
const PRUNED_PER_BLOCK = 64;
const DRAW_RANGE = 2 ** 48;

/**
 * Draws miners to be challenged.
 *
 * PERF: one hash a registered miner, 1 µs; state is read for the drawn ones only.
 */
export async function drawMiners(host: ModuleHost): Promise<void> {
  const threshold = Math.floor(DRAW_RANGE / host.spec.challengePeriodBlocks);
  let openings = 0;
  for await (const accounts of registered.walk(host)) {
    for (const miner of accounts) {
      if (openings === OPENINGS_PER_BLOCK) return;
      const drawn = drawNumber("cess/audit/draw/v1", host.beacon, hexToBytes(miner, 20));
      if (drawn >= threshold || !(await isDue(host, miner))) continue;
      await openPeriodic(host, miner);
      openings += 1;
    }
  }
}

/** Forgets challenges a period after they closed, the oldest first. */
export async function pruneChallenges(host: ModuleHost): Promise<void> {
  const end = await nextId.get(host);
  const start = await oldestId.get(host);
  const { challengePeriodBlocks } = host.spec;
  let id = start;
  for (; id < end && id < start + PRUNED_PER_BLOCK; id += 1) {
    const challenge = await challenges.get(host, id);
    if (challenge === undefined) break;
    const isClosed =
      challenge.state === CHALLENGE_STATE.passed || challenge.state === CHALLENGE_STATE.failed;
    const keptUntil = challenge.verdictDeadline + challengePeriodBlocks;
    if (!isClosed || host.height <= BigInt(keptUntil)) break;
    await challenges.delete(host, id);
    await samples.delete(host, id);
    await proofs.delete(host, id);
  }
  if (id > start) await oldestId.set(host, id);
}

async function isDue(host: ModuleHost, miner: Hex): Promise<boolean> {
  const standing = await standings.get(host, miner);
  if (standing?.state !== MINER_STATE.active || standing.taggedBytes === 0) return false;
  if ((await periodicChallenges.get(host, miner)) !== undefined) return false;
  return (await countAuditBlocks(host, miner)) > 0;
}
