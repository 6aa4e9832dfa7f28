import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { proposerOf } from "./proposer.ts";
import { quorumOf } from "./rules.ts";
import { type Effect, type HeightStart, type Input, Tendermint } from "./tendermint.ts";
import type { Proposal, ValueId, Vote, VoteKind } from "./votes.ts";

const TIMEOUTS = { proposeMs: 300, prevoteMs: 100, precommitMs: 100, perRoundMs: 50 };
const BEACON = bytesToHex(new Uint8Array(32).fill(7));
const SEATS = 4;
const HEIGHT = 1n;
const X = createValue(1);
const Y = createValue(2);
const Z = createValue(3);

function createValue(fill: number): ValueId {
  return bytesToHex(new Uint8Array(32).fill(fill));
}

function proposerAt(round: number): number {
  return proposerOf({ beacon: hexToBytes(BEACON), height: HEIGHT, round, seatCount: SEATS });
}

/** A seat that does not propose in the first rounds, so that tests say what it hears. */
const SELF = [0, 1, 2, 3].find((seat) => ![0, 1, 2].some((round) => proposerAt(round) === seat));
assert(SELF !== undefined, "choose a beacon that leaves one seat out of the first rounds");
const OTHERS = [0, 1, 2, 3].filter((seat) => seat !== SELF);

function start(over: Partial<HeightStart> = {}): HeightStart {
  return {
    kind: "startHeight",
    height: HEIGHT,
    seatCount: SEATS,
    self: SELF,
    beacon: BEACON,
    ...over,
  };
}

function vote(kind: VoteKind, round: number, seat: number, valueId: Hex | undefined): Input {
  const signature = new Uint8Array(96);
  return { kind: "vote", vote: { kind, height: HEIGHT, round, seat, valueId, signature } };
}

function proposal(round: number, valueId: Hex, validRound?: number): Input {
  const value: Proposal = {
    height: HEIGHT,
    round,
    validRound,
    builtRound: round,
    valueId,
    seat: proposerAt(round),
    vrfProof: new Uint8Array(80),
    signature: new Uint8Array(96),
  };
  return { kind: "proposal", proposal: value, isValid: true };
}

/** A machine whose own votes are fed back, as a host does. */
class Seat {
  readonly machine: Tendermint = new Tendermint({ timeouts: TIMEOUTS });
  readonly effects: Effect[] = [];

  constructor(over?: Partial<HeightStart>) {
    this.feed(start(over));
  }

  feed(...inputs: readonly Input[]): this {
    for (const input of inputs) {
      const effects = this.machine.step(input);
      this.effects.push(...effects);
      for (const effect of effects) {
        if (effect.kind !== "castVote") continue;
        this.feed({ kind: "vote", vote: { ...effect.vote, signature: new Uint8Array(96) } });
      }
    }
    return this;
  }

  timeout(step: "propose" | VoteKind): this {
    return this.feed({ kind: "timeout", step, height: HEIGHT, round: this.machine.status.round });
  }

  /** Every vote of this seat so far, such as `prevote 0 nil`. */
  votes(): readonly string[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind !== "castVote") return [];
      const { kind, round, valueId } = effect.vote;
      return [`${kind} ${round} ${valueId?.slice(2, 4) ?? "nil"}`];
    });
  }

  kinds(kind: Effect["kind"]): readonly Effect[] {
    return this.effects.filter((effect) => effect.kind === kind);
  }

  /** Locks X in round 0, then fails the round. */
  lockX(): this {
    this.feed(proposal(0, X));
    this.feed(...OTHERS.slice(0, 2).map((seat) => vote("prevote", 0, seat, X)));
    this.feed(...OTHERS.map((seat) => vote("precommit", 0, seat, undefined)));
    return this.timeout("precommit");
  }
}

test("quorum is more than two thirds, and two quorums share more than a third", () => {
  for (let seats = 1; seats <= 300; seats += 1) {
    const quorum = quorumOf(seats);
    assert(3 * quorum > 2 * seats && 3 * (quorum - 1) <= 2 * seats);
    assert(3 * (2 * quorum - seats) > seats);
  }
});

test("a round without faults decides once, with a quorum of precommits in order", () => {
  const seat = new Seat().feed(proposal(0, X));
  seat.feed(...OTHERS.map((other) => vote("prevote", 0, other, X)));
  seat.feed(...OTHERS.toReversed().map((other) => vote("precommit", 0, other, X)));
  assert.deepEqual(seat.votes(), ["prevote 0 01", "precommit 0 01"]);
  const [decision, ...more] = seat.kinds("decide");
  assert(decision?.kind === "decide" && more.length === 0);
  const seats = decision.precommits.map((precommit: Vote) => precommit.seat);
  assert.deepEqual(
    seats,
    seats.toSorted((left, right) => left - right),
  );
  assert(seats.length >= 3 && decision.proposal.valueId === X);
});

test("the proposer is asked for a block, others only set the timer", () => {
  const proposer = new Seat({ self: proposerAt(0) });
  assert.equal(proposer.kinds("requestProposal").length, 1);
  assert.equal(new Seat().kinds("requestProposal").length, 0);
  assert.deepEqual(new Seat({ self: undefined }).feed(proposal(0, X)).votes(), []);
});

test("L57: no proposal in time is a prevote for nil", () => {
  assert.deepEqual(new Seat().timeout("propose").votes(), ["prevote 0 nil"]);
});

test("L26: an invalid block is a prevote for nil", () => {
  const invalid = { ...proposal(0, X), isValid: false } as Input;
  assert.deepEqual(new Seat().feed(invalid).votes(), ["prevote 0 nil"]);
});

test("L34 and L61: mixed prevotes are waited for, then precommit nil", () => {
  const seat = new Seat().feed(proposal(0, X));
  const [a, b] = OTHERS;
  seat.feed(vote("prevote", 0, a!, Y), vote("prevote", 0, b!, undefined));
  const timers = seat.kinds("setTimer").map((effect) => "step" in effect && effect.step);
  assert.deepEqual(timers, ["propose", "prevote"]);
  assert.deepEqual(seat.timeout("prevote").votes(), ["prevote 0 01", "precommit 0 nil"]);
});

test("L44: a quorum of nil prevotes is a precommit for nil at once", () => {
  const seat = new Seat().feed(...OTHERS.map((other) => vote("prevote", 0, other, undefined)));
  assert.deepEqual(seat.votes(), []);
  assert.deepEqual(seat.timeout("propose").votes(), ["prevote 0 nil", "precommit 0 nil"]);
});

test("L23: a locked seat prevotes nil for another new value", () => {
  const seat = new Seat().lockX();
  assert.equal(seat.machine.status.lockedRound, 0);
  assert.equal(seat.feed(proposal(1, Y)).votes().at(-1), "prevote 1 nil");
});

test("L28: a polka later than the lock unlocks", () => {
  const polka = (round: number) => OTHERS.map((other) => vote("prevote", round, other, Y));
  const seat = new Seat().lockX().timeout("propose").timeout("prevote");
  seat.feed(...OTHERS.map((other) => vote("precommit", 1, other, undefined)));
  seat.timeout("precommit");
  assert.equal(seat.machine.status.round, 2);
  seat.feed(proposal(2, Y, 1));
  assert.equal(seat.machine.status.step, "propose", "the polka of round 1 is not known yet");
  assert.equal(
    seat
      .feed(...polka(1))
      .votes()
      .at(-1),
    "prevote 2 02",
  );
});

test("L28: a polka older than the lock does not unlock", () => {
  const seat = new Seat().timeout("propose");
  seat.feed(...OTHERS.map((other) => vote("prevote", 0, other, Y))).timeout("prevote");
  seat.feed(...OTHERS.map((other) => vote("precommit", 0, other, undefined)));
  seat.timeout("precommit").feed(proposal(1, X));
  seat.feed(...OTHERS.map((other) => vote("prevote", 1, other, X)));
  assert.equal(seat.machine.status.lockedRound, 1);
  seat.feed(...OTHERS.map((other) => vote("precommit", 1, other, undefined))).timeout("precommit");
  assert.equal(
    seat
      .feed(proposal(2, Y, 0))
      .votes()
      .at(-1),
    "prevote 2 nil",
  );
});

test("L42: a proposer whose valid value is known proposes it again", () => {
  const self = proposerAt(1);
  const seat = new Seat({ self });
  const others = [0, 1, 2, 3].filter((other) => other !== self);
  seat.feed(proposal(0, X), ...others.map((other) => vote("prevote", 0, other, X)));
  seat.feed(...others.map((other) => vote("precommit", 0, other, undefined))).timeout("precommit");
  const request = seat.kinds("requestProposal").at(-1);
  assert(request?.kind === "requestProposal" && request.round === 1);
  assert.equal(request.valid?.round, 0);
  assert.equal(request.valid?.proposal.valueId, X);
});

test("L42: a polka that is complete only after its round is proposed again as well", () => {
  const self = proposerAt(1);
  const seat = new Seat({ self });
  const others = [0, 1, 2, 3].filter((other) => other !== self);
  seat.feed(proposal(0, X), vote("prevote", 0, others[0]!, X));
  seat.feed(vote("prevote", 0, others[1]!, undefined)).timeout("prevote");
  seat.feed(...others.map((other) => vote("precommit", 0, other, undefined)));
  seat.feed(vote("prevote", 2, others[0]!, undefined), vote("prevote", 0, others[2]!, X));
  seat.timeout("precommit");
  assert.equal(seat.machine.status.lockedRound, undefined);
  const request = seat.kinds("requestProposal").at(-1);
  assert(request?.kind === "requestProposal" && request.round === 1);
  assert.equal(request.valid?.proposal.valueId, X);
});

test("L49: a quorum of precommits of an older round still decides", () => {
  const seat = new Seat().lockX();
  seat.feed(...OTHERS.map((other) => vote("precommit", 0, other, X)));
  assert.equal(seat.kinds("decide").length, 0, "their first votes were nil, and X lacks support");
  const late = new Seat().timeout("propose").feed(proposal(0, X));
  late.feed(...OTHERS.map((other) => vote("precommit", 1, other, undefined)));
  assert.equal(late.machine.status.round, 1);
  late.feed(...OTHERS.map((other) => vote("precommit", 0, other, X)));
  assert.equal(late.kinds("decide").length, 1);
});

test("L55: f + 1 seats further on pull a seat along, f do not, however far", () => {
  const seat = new Seat().feed(vote("prevote", 5_000, OTHERS[0]!, undefined));
  assert.equal(seat.machine.status.round, 0);
  seat.feed(vote("prevote", 3_000, OTHERS[1]!, undefined));
  assert.equal(seat.machine.status.round, 3_000);
});

test("attack: a double voter is reported once and cannot hide a quorum", () => {
  const [byzantine, a, b] = OTHERS as [number, number, number];
  const seat = new Seat().feed(proposal(0, X));
  seat.feed(vote("prevote", 0, byzantine, undefined), vote("prevote", 0, byzantine, Y));
  seat.feed(vote("prevote", 0, byzantine, Z));
  assert.equal(seat.kinds("evidence").length, 1);
  seat.feed(vote("prevote", 0, a, X));
  assert.equal(seat.machine.status.lockedRound, undefined);
  seat.feed(vote("prevote", 0, byzantine, X));
  assert.equal(seat.machine.status.lockedRound, 0, "two correct seats and the double voter");
  seat.feed(vote("prevote", 0, b, X));
  assert.deepEqual(seat.votes(), ["prevote 0 01", "precommit 0 01"]);
});

test("attack: a proposer that proposes two blocks is reported, and either can still win", () => {
  const seat = new Seat().feed(proposal(0, X), proposal(0, Y), proposal(0, Z));
  assert.equal(seat.kinds("evidence").length, 1);
  seat.feed(...OTHERS.map((other) => vote("precommit", 0, other, Z)), proposal(0, Z));
  const [decision] = seat.kinds("decide");
  assert(decision?.kind === "decide" && decision.proposal.valueId === Z);
});

test("attack: conflicting votes of one seat for ever new values take no memory", () => {
  const seat = new Seat();
  for (let index = 0; index < 1_000; index += 1) {
    const valueId: Hex = `0x${index.toString(16).padStart(64, "0")}`;
    seat.feed(vote("prevote", 0, OTHERS[0]!, valueId), vote("precommit", 0, OTHERS[0]!, valueId));
  }
  assert.equal(seat.machine.messages().length, 2);
});

test("attack: messages of rounds far ahead are not kept", () => {
  const seat = new Seat();
  for (let round = 0; round < 2_000; round += 1) {
    seat.feed(vote("prevote", round, OTHERS[0]!, X));
  }
  seat.feed(vote("prevote", 1_500, OTHERS[1]!, X));
  assert.equal(seat.machine.status.round, 1_500);
  assert(seat.machine.messages().length <= 1, "only what came after it got there");
});

test("stale timeouts and other heights change nothing", () => {
  const seat = new Seat().timeout("propose");
  const before = seat.effects.length;
  seat.feed({ kind: "timeout", step: "propose", height: HEIGHT, round: 0 });
  seat.feed({ kind: "timeout", step: "precommit", height: HEIGHT + 1n, round: 0 });
  seat.feed({ kind: "timeout", step: "precommit", height: HEIGHT, round: 9 });
  assert.equal(seat.effects.length, before);
});

test("a log of inputs recovers a seat: same effects, same state, same messages", () => {
  const log: Input[] = [
    start(),
    proposal(0, X),
    ...OTHERS.slice(0, 2).map((other) => vote("prevote", 0, other, X)),
    vote("prevote", 0, SELF, X),
    ...OTHERS.map((other) => vote("precommit", 0, other, undefined)),
    { kind: "timeout", step: "precommit", height: HEIGHT, round: 0 },
    proposal(1, Y),
  ];
  const run = () => {
    const machine = new Tendermint({ timeouts: TIMEOUTS });
    const effects = log.flatMap((input) => machine.step(input));
    return { effects, status: machine.status, messages: machine.messages() };
  };
  const first = run();
  assert.equal(first.status.lockedRound, 0);
  assert.deepEqual(run(), first);
});

test("what ended the last round is repeated, so that a seat left behind can follow", () => {
  const seat = new Seat().lockX();
  const precommits = seat.machine.messages().filter((message) => {
    return message.kind === "vote" && message.vote.kind === "precommit" && message.vote.round === 0;
  });
  assert.equal(precommits.length, 4);
  const behind = new Seat({ self: OTHERS[0] }).feed(...(precommits as Input[]));
  assert.equal(behind.timeout("precommit").machine.status.round, 1);
});
