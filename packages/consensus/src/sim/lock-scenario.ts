import { hexToBytes } from "@cess/std/bytes";
import { proposerOf } from "../proposer.ts";
import type { Rules } from "../rules.ts";
import { type Input, Tendermint } from "../tendermint.ts";
import type { ValueId, VoteKind } from "../votes.ts";
import { Checker } from "./checker.ts";

const TIMEOUTS = { proposeMs: 1, prevoteMs: 1, precommitMs: 1, perRoundMs: 1 };
const BEACON: ValueId = `0x${"07".repeat(32)}`;
const X: ValueId = `0x${"11".repeat(32)}`;
const Y: ValueId = `0x${"22".repeat(32)}`;
const SEATS = 4;

/**
 * The attack that locks are for, step by step: one seat decides X in round 0 and is cut off; the
 * faulty proposer of round 1 offers Y to the other two, which are locked on X.
 *
 * @throws SafetyViolation if they decide it.
 */
export function attackLocks(rules: Rules): void {
  const checker = new Checker(SEATS);
  const faulty = proposerAt(1);
  const correct = [0, 1, 2, 3].filter((seat) => seat !== faulty);
  const machines = correct.map((self) => {
    const machine = new Tendermint({ timeouts: TIMEOUTS, rules });
    machine.step({ kind: "startHeight", height: 1n, seatCount: SEATS, self, beacon: BEACON });
    return machine;
  });
  const cast = new Map<string, ValueId | undefined>();
  const deliver = (machine: Tendermint, ...inputs: readonly Input[]) => {
    for (const input of inputs) {
      for (const effect of machine.step(input)) {
        if (effect.kind === "decide") checker.onDecide(effect.proposal, effect.precommits);
        if (effect.kind !== "castVote") continue;
        const { kind, round, seat, valueId } = effect.vote;
        cast.set(`${kind} ${round} ${seat}`, valueId);
      }
    }
  };
  const [decider, ...others] = machines as [Tendermint, Tendermint, Tendermint];
  for (const machine of machines) {
    deliver(machine, proposal(0, X), ...correct.map((seat) => vote("prevote", 0, seat, X)));
  }
  deliver(decider, ...correct.map((seat) => vote("precommit", 0, seat, X)));
  for (const machine of others) {
    deliver(machine, ...correct.slice(1).map((seat) => vote("precommit", 0, seat, X)));
    deliver(machine, vote("precommit", 0, faulty, undefined));
    deliver(machine, { kind: "timeout", step: "precommit", height: 1n, round: 0 }, proposal(1, Y));
  }
  for (const kind of ["prevote", "precommit"] as const) {
    const votes = correct.slice(1).map((seat) => {
      return vote(kind, 1, seat, cast.get(`${kind} 1 ${seat}`));
    });
    for (const machine of others) deliver(machine, ...votes, vote(kind, 1, faulty, Y));
  }
}

function proposerAt(round: number): number {
  return proposerOf({ beacon: hexToBytes(BEACON), height: 1n, round, seatCount: SEATS });
}

function proposal(round: number, valueId: ValueId): Input {
  const block = { height: 1n, round, validRound: undefined, builtRound: round, valueId };
  const signed = { vrfProof: new Uint8Array(80), signature: new Uint8Array(96) };
  return {
    kind: "proposal",
    proposal: { ...block, seat: proposerAt(round), ...signed },
    isValid: true,
  };
}

function vote(kind: VoteKind, round: number, seat: number, valueId: ValueId | undefined): Input {
  const signature = new Uint8Array(96);
  return { kind: "vote", vote: { kind, height: 1n, round, seat, valueId, signature } };
}
