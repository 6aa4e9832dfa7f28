/**
 * The simulation must be able to fail: each rule that agreement rests on is broken in turn, and
 * some seed has to show it as a violation of safety.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EQUIVOCATE } from "./byzantine/equivocate.ts";
import { RULES } from "./rules.ts";
import { SafetyViolation } from "./sim/checker.ts";
import { type SimOptions, simulate } from "./sim/cluster.ts";
import { attackLocks } from "./sim/lock-scenario.ts";

interface Mutation {
  readonly name: string;
  readonly options: Omit<SimOptions, "seed">;
  /** Part of the violation that must be found. */
  readonly finds: RegExp;
}

const SEEDS_MAX = 200;

const majority = (seatCount: number) => Math.floor(seatCount / 2) + 1;

const MUTATIONS: readonly Mutation[] = [
  {
    name: "a quorum is a simple majority",
    options: {
      seatCount: 7,
      attack: EQUIVOCATE,
      rules: { ...RULES, quorum: majority, polka: majority },
    },
    finds: /decided/,
  },
  {
    name: "a value is precommitted without a polka (L36)",
    options: { seatCount: 4, attack: EQUIVOCATE, rules: { ...RULES, polka: () => 0 } },
    finds: /decided 0x.* and 0x/,
  },
  {
    name: "a restart forgets its log and what it signed",
    options: { seatCount: 4, forgets: ["log", "guard"] },
    finds: /signed 0x.* and 0x/,
  },
];

for (const { name, options, finds } of MUTATIONS) {
  test(`mutation: ${name}`, (context) => {
    for (let seed = 0; seed < SEEDS_MAX; seed += 1) {
      const violation = violationOf({ ...options, seed });
      if (violation === undefined || !finds.test(violation)) continue;
      context.diagnostic(`seed ${seed}: ${violation}`);
      return;
    }
    assert.fail(`${SEEDS_MAX} seeds did not notice`);
  });
}

test("mutation: locks are ignored (L23, L29)", () => {
  // Random faults meet this one too seldom, so it is written out.
  attackLocks(RULES);
  assert.throws(() => attackLocks({ ...RULES, mayPrevote: () => true }), SafetyViolation);
});

test("the sign guard alone keeps a seat that lost its log from signing twice", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const violation = violationOf({ seed, seatCount: 4, forgets: ["log"] });
    assert.doesNotMatch(violation ?? "", /signed/);
  }
});

function violationOf(options: SimOptions): string | undefined {
  try {
    simulate(options);
    return undefined;
  } catch (cause) {
    if (cause instanceof SafetyViolation) return cause.message;
    // A broken rule may also stop progress; that alone would not show that safety is checked.
    if (cause instanceof assert.AssertionError) return undefined;
    throw cause;
  }
}
