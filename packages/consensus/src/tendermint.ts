/**
 * The Tendermint consensus algorithm, one seat of a committee, as a pure state machine.
 *
 * No IO, clock, randomness, signature or promise is used here: the host feeds {@link Input}s that
 * it has already authenticated and carries out the returned {@link Effect}s in order. The same
 * inputs always give the same effects, so a log of inputs is a full recovery log: the host makes
 * an input durable before a vote that follows from it leaves the node.
 *
 * "L28" and the like are lines of Algorithm 1. Deviations from it:
 * - a proposer also waits for its own proposal with the propose timer, since building may fail;
 * - L55 skips to the highest round that f + 1 seats have *reached*, so one number a seat suffices
 *   and messages of far rounds need not be kept;
 * - a polka that is seen complete only after its round still makes a valid value (second half of
 *   L36): a seat that locked on it is then not the only one that can propose it;
 * - conflicting votes and proposals are kept as {@link VoteSet} says.
 *
 * Algorithm 1 assumes that messages arrive at last: the host repeats {@link Tendermint.messages}
 * now and then for as long as a height lasts.
 *
 * @see https://arxiv.org/abs/1807.04938
 * @module
 */
import assert from "node:assert/strict";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import type { Evidence } from "./evidence.ts";
import { proposerOf } from "./proposer.ts";
import { type KnownProposal, RoundLog } from "./round-log.ts";
import { type Lock, RULES, type Rules } from "./rules.ts";
import type { Message, Proposal, Step, UnsignedVote, ValueId, Vote, VoteKind } from "./votes.ts";

export interface HeightStart {
  readonly kind: "startHeight";
  readonly height: bigint;
  readonly seatCount: number;
  /** Seat of this node; undefined for one that only follows. */
  readonly self: number | undefined;
  /** Beacon of the block before: it draws the proposers. */
  readonly beacon: Hex;
}

export type Input =
  /** Begins a height at round 0; comes first, then after each decision. */
  | HeightStart
  /** A proposal that `verifyProposal` accepted, with its block, and the verdict on that block. */
  | { readonly kind: "proposal"; readonly proposal: Proposal; readonly isValid: boolean }
  /** A vote that `verifyVote` accepted, this node's own included. */
  | { readonly kind: "vote"; readonly vote: Vote }
  | {
      readonly kind: "timeout";
      readonly step: Step;
      readonly height: bigint;
      readonly round: number;
    };

export type Effect =
  /** Build a block, or take that of `valid` again; sign, feed back and send the proposal. */
  | {
      readonly kind: "requestProposal";
      readonly height: bigint;
      readonly round: number;
      readonly valid: { readonly round: number; readonly proposal: Proposal } | undefined;
    }
  /** Sign (if the sign guard allows), feed back and send this vote. */
  | { readonly kind: "castVote"; readonly vote: UnsignedVote }
  /** Feed back the timeout of (step, height, round) after `afterMs`; each is set once. */
  | {
      readonly kind: "setTimer";
      readonly step: Step;
      readonly height: bigint;
      readonly round: number;
      readonly afterMs: number;
    }
  /** The block of `proposal` is final: `precommits` are a quorum for it, in the order of seats. */
  | { readonly kind: "decide"; readonly proposal: Proposal; readonly precommits: readonly Vote[] }
  | { readonly kind: "evidence"; readonly evidence: Evidence };

export interface TimeoutConfig {
  readonly proposeMs: number;
  readonly prevoteMs: number;
  readonly precommitMs: number;
  /** Added for each round of a height, so that timeouts outgrow any real delay. */
  readonly perRoundMs: number;
}

export interface TendermintConfig {
  readonly timeouts: TimeoutConfig;
  readonly rules?: Rules;
}

export interface TendermintStatus {
  readonly height: bigint;
  readonly round: number;
  readonly step: Step;
  readonly lockedRound: number | undefined;
  readonly isDecided: boolean;
}

/** Rounds ahead whose messages are kept; further ones only show where their sender is. */
const ROUND_LOOKAHEAD_MAX = 16;
/** Rounds back whose messages are kept: days of failed rounds, since timeouts grow. */
const ROUND_HISTORY_MAX = 1024;

export class Tendermint {
  readonly #timeouts: TimeoutConfig;
  readonly #rules: Rules;
  readonly #rounds = new Map<number, RoundLog>();
  /** Highest round each seat was heard in. */
  readonly #reached = new Map<number, number>();
  #start: HeightStart | undefined;
  #beacon: Uint8Array = new Uint8Array();
  #quorum = 0;
  #support = 0;
  #round = 0;
  #step: Step = "propose";
  #lock: Lock | undefined;
  #valid: { readonly round: number; readonly proposal: Proposal } | undefined;
  #decidedRound: number | undefined;

  constructor(config: TendermintConfig) {
    assert(Object.values(config.timeouts).every((ms) => ms >= 0));
    this.#timeouts = config.timeouts;
    this.#rules = config.rules ?? RULES;
  }

  get status(): TendermintStatus {
    return {
      height: this.#start?.height ?? 0n,
      round: this.#round,
      step: this.#step,
      lockedRound: this.#lock?.round,
      isDecided: this.#decidedRound !== undefined,
    };
  }

  /** Applies one input and returns what the host must now do, in order. */
  step(input: Input): readonly Effect[] {
    const effects: Effect[] = [];
    switch (input.kind) {
      case "startHeight":
        this.#startHeight(input, effects);
        break;
      case "proposal":
        if (!this.#isCurrent(input.proposal.height)) return effects;
        this.#onProposal(input, effects);
        break;
      case "vote":
        if (!this.#isCurrent(input.vote.height)) return effects;
        this.#onVote(input.vote, effects);
        break;
      case "timeout":
        if (!this.#isCurrent(input.height) || input.round !== this.#round) return effects;
        this.#onTimeout(input.step, effects);
        break;
    }
    this.#advance(effects);
    return effects;
  }

  /**
   * What this node knows that a peer may lack: all of the current round; the precommits that ended
   * the one before, without which nobody follows; and the proposal and prevotes behind our valid
   * value (L28). After a decision, what proves it.
   */
  messages(): readonly Message[] {
    const round = this.#decidedRound ?? this.#round;
    const validRound = this.#valid?.round;
    const messages = [...this.#messagesOf(round, ["prevote", "precommit"])];
    if (validRound !== undefined && validRound !== round) {
      messages.push(...this.#messagesOf(validRound, ["prevote"]));
    }
    for (const vote of this.#rounds.get(round - 1)?.precommits ?? []) {
      messages.push({ kind: "vote", vote });
    }
    return messages;
  }

  *#messagesOf(round: number, kinds: readonly VoteKind[]): Iterable<Message> {
    const log = this.#rounds.get(round);
    for (const { proposal } of log?.proposals ?? []) yield { kind: "proposal", proposal };
    for (const kind of kinds) {
      for (const vote of log?.votes(kind) ?? []) yield { kind: "vote", vote };
    }
  }

  #isCurrent(height: bigint): boolean {
    assert(this.#start !== undefined, "startHeight comes first");
    return height === this.#start.height && this.#decidedRound === undefined;
  }

  #startHeight(start: HeightStart, effects: Effect[]): void {
    assert(start.seatCount > 0);
    assert(start.self === undefined || (start.self >= 0 && start.self < start.seatCount));
    assert(start.height > (this.#start?.height ?? 0n), "heights only grow");
    this.#start = start;
    this.#beacon = hexToBytes(start.beacon, 32);
    this.#quorum = this.#rules.quorum(start.seatCount);
    this.#support = this.#rules.support(start.seatCount);
    this.#rounds.clear();
    this.#reached.clear();
    this.#lock = undefined;
    this.#valid = undefined;
    this.#decidedRound = undefined;
    this.#startRound(0, effects);
  }

  /** L11: the proposer proposes, all wait for it. */
  #startRound(round: number, effects: Effect[]): void {
    const { height, self } = this.#started();
    this.#round = round;
    this.#step = "propose";
    for (const old of this.#rounds.keys()) {
      if (old <= round - ROUND_HISTORY_MAX) this.#rounds.delete(old);
      else if (old < round) this.#rememberPolka(old);
    }
    if (self === this.#proposerOf(round)) {
      effects.push({ kind: "requestProposal", height, round, valid: this.#valid });
    }
    this.#setTimer("propose", effects);
  }

  #onProposal(known: KnownProposal, effects: Effect[]): void {
    const { proposal } = known;
    assert(proposal.seat === this.#proposerOf(proposal.round), "the host checks the proposer");
    this.#reach(proposal.seat, proposal.round);
    const evidence = this.#logOf(proposal.round)?.addProposal(
      { proposal, isValid: known.isValid },
      this.#support,
    );
    if (evidence !== undefined) effects.push({ kind: "evidence", evidence });
    if (proposal.round < this.#round) this.#rememberPolka(proposal.round);
  }

  #onVote(vote: Vote, effects: Effect[]): void {
    assert(vote.seat >= 0 && vote.seat < this.#started().seatCount, "the host checks the seat");
    this.#reach(vote.seat, vote.round);
    const evidence = this.#logOf(vote.round)?.votes(vote.kind).add(vote, this.#support);
    if (evidence !== undefined) effects.push({ kind: "evidence", evidence });
    if (vote.round < this.#round) this.#rememberPolka(vote.round);
  }

  #onTimeout(step: Step, effects: Effect[]): void {
    switch (step) {
      case "propose": // L57
        if (this.#step === "propose") this.#cast("prevote", undefined, effects);
        break;
      case "prevote": // L61
        if (this.#step === "prevote") this.#cast("precommit", undefined, effects);
        break;
      case "precommit": // L65
        this.#startRound(this.#round + 1, effects);
        break;
    }
  }

  /** Fires rules until none applies. Each firing moves (round, step) on, so this ends. */
  #advance(effects: Effect[]): void {
    for (;;) {
      if (this.#decide(effects)) return;
      const round = this.#round;
      const step = this.#step;
      this.#skip(effects);
      this.#prevote(effects);
      this.#precommit(effects);
      if (round === this.#round && step === this.#step) return;
    }
  }

  /** L49: a proposal and a quorum of precommits for it, in any round. */
  #decide(effects: Effect[]): boolean {
    if (this.#decidedRound !== undefined) return true;
    for (const [round, log] of this.#rounds) {
      for (const { proposal, isValid } of log.proposals) {
        if (!isValid || log.precommits.countFor(proposal.valueId) < this.#quorum) continue;
        this.#decidedRound = round;
        const precommits = log.precommits.votesFor(proposal.valueId);
        effects.push({ kind: "decide", proposal, precommits });
        return true;
      }
    }
    return false;
  }

  /** L55: f + 1 seats are further on, so a correct one is. */
  #skip(effects: Effect[]): void {
    const rounds = [...this.#reached.values()].sort((left, right) => right - left);
    const round = rounds[this.#support - 1];
    if (round !== undefined && round > this.#round) this.#startRound(round, effects);
  }

  /** L22 and L28: prevote for the round's proposal, if it is valid and the lock allows it. */
  #prevote(effects: Effect[]): void {
    if (this.#step !== "propose") return;
    for (const { proposal, isValid } of this.#rounds.get(this.#round)?.proposals ?? []) {
      const { valueId, validRound } = proposal;
      if (validRound !== undefined) {
        const prevotes = this.#rounds.get(validRound)?.prevotes.countFor(valueId) ?? 0;
        if (validRound >= this.#round || prevotes < this.#quorum) continue;
      }
      const isAllowed = isValid && this.#rules.mayPrevote(this.#lock, valueId, validRound ?? -1);
      this.#cast("prevote", isAllowed ? valueId : undefined, effects);
      return;
    }
  }

  #precommit(effects: Effect[]): void {
    const log = this.#rounds.get(this.#round);
    if (log === undefined) return;
    // L34
    if (this.#step === "prevote" && !log.isPrevoteTimerSet) {
      log.isPrevoteTimerSet = log.prevotes.seatCount >= this.#quorum;
      if (log.isPrevoteTimerSet) this.#setTimer("prevote", effects);
    }
    this.#onPolka(log, effects);
    // L44
    const nilCount = log.prevotes.countFor(undefined);
    if (this.#step === "prevote" && nilCount >= this.#quorum) {
      this.#cast("precommit", undefined, effects);
    }
    // L47
    if (!log.isPrecommitTimerSet && log.precommits.seatCount >= this.#quorum) {
      log.isPrecommitTimerSet = true;
      this.#setTimer("precommit", effects);
    }
  }

  /** L36: a quorum prevoted for a valid proposal: lock and precommit it, or at least remember it. */
  #onPolka(log: RoundLog, effects: Effect[]): void {
    if (this.#step === "propose" || log.hasPolkaFired) return;
    const polka = this.#rules.polka(this.#started().seatCount);
    for (const { proposal, isValid } of log.proposals) {
      if (!isValid || log.prevotes.countFor(proposal.valueId) < polka) continue;
      log.hasPolkaFired = true;
      this.#valid = { round: this.#round, proposal };
      if (this.#step === "precommit") return;
      this.#lock = { round: this.#round, valueId: proposal.valueId };
      this.#cast("precommit", proposal.valueId, effects);
      return;
    }
  }

  /** A valid value is only what this seat proposes: others check its polka for themselves (L28). */
  #rememberPolka(round: number): void {
    if (round <= (this.#valid?.round ?? -1)) return;
    const log = this.#rounds.get(round);
    for (const { proposal, isValid } of log?.proposals ?? []) {
      const prevotes = log?.prevotes.countFor(proposal.valueId) ?? 0;
      if (isValid && prevotes >= this.#quorum) this.#valid = { round, proposal };
    }
  }

  #cast(kind: VoteKind, valueId: ValueId | undefined, effects: Effect[]): void {
    const { height, self } = this.#started();
    this.#step = kind;
    if (self === undefined) return;
    const vote = { kind, height, round: this.#round, valueId, seat: self };
    effects.push({ kind: "castVote", vote });
  }

  #setTimer(step: Step, effects: Effect[]): void {
    const { proposeMs, prevoteMs, precommitMs, perRoundMs } = this.#timeouts;
    const baseMs = { propose: proposeMs, prevote: prevoteMs, precommit: precommitMs }[step];
    const afterMs = baseMs + this.#round * perRoundMs;
    const { height } = this.#started();
    effects.push({ kind: "setTimer", step, height, round: this.#round, afterMs });
  }

  #reach(seat: number, round: number): void {
    this.#reached.set(seat, Math.max(round, this.#reached.get(seat) ?? 0));
  }

  /** The log of a round near enough to be kept. */
  #logOf(round: number): RoundLog | undefined {
    if (round > this.#round + ROUND_LOOKAHEAD_MAX) return undefined;
    if (round <= this.#round - ROUND_HISTORY_MAX) return undefined;
    let log = this.#rounds.get(round);
    if (log === undefined) {
      log = new RoundLog();
      this.#rounds.set(round, log);
    }
    return log;
  }

  #proposerOf(round: number): number {
    const { height, seatCount } = this.#started();
    return proposerOf({ beacon: this.#beacon, height, round, seatCount });
  }

  #started(): HeightStart {
    assert(this.#start !== undefined, "startHeight comes first");
    return this.#start;
  }
}
