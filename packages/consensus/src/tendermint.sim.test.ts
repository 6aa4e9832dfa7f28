/**
 * Deterministic simulation: faults first, safety checked at every signature and decision; then the
 * network heals and progress is demanded. One run a seed, committee and attack.
 *
 * Replay one seed: `SIM_SEED=7 node --test packages/consensus/src/tendermint.sim.test.ts`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AMNESIA } from "./byzantine/amnesia.ts";
import type { Attack } from "./byzantine/attack.ts";
import { EQUIVOCATE } from "./byzantine/equivocate.ts";
import { FALSE_POLKA } from "./byzantine/false-polka.ts";
import { FAR_ROUNDS } from "./byzantine/far-rounds.ts";
import { HIDE_COMMIT } from "./byzantine/hide-commit.ts";
import { HIDE_QUORUM } from "./byzantine/hide-quorum.ts";
import { INVALID_VALUE } from "./byzantine/invalid-value.ts";
import { SILENT } from "./byzantine/silent.ts";
import { simulate } from "./sim/cluster.ts";

const ATTACKS: readonly (Attack | undefined)[] = [
  undefined,
  SILENT,
  EQUIVOCATE,
  AMNESIA,
  INVALID_VALUE,
  HIDE_QUORUM,
  FALSE_POLKA,
  FAR_ROUNDS,
  HIDE_COMMIT,
];
const SEEDS_PER_ATTACK = { 4: 40, 7: 20 } as const;

const replay = process.env["SIM_SEED"];

for (const seatCount of [4, 7] as const) {
  for (const attack of ATTACKS) {
    const count = SEEDS_PER_ATTACK[seatCount];
    const seeds =
      replay === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(replay)];
    test(`agreement and progress: ${seatCount} seats, ${attack?.name ?? "no attack"}`, () => {
      let heights = 0;
      for (const seed of seeds) {
        try {
          heights += simulate({ seed, seatCount, attack }).faultyHeights;
        } catch (cause) {
          throw new Error(`SIM_SEED=${seed} fails: ${String(cause)}`, { cause });
        }
      }
      assert(heights > 0, "runs that decide nothing under faults test nothing");
    });
  }
}

test("a seed replays to the same trace", () => {
  const run = (seed: number) => simulate({ seed, seatCount: 4, attack: EQUIVOCATE }).traceHash;
  assert.equal(run(1), run(1));
  assert.notEqual(run(1), run(2));
});
