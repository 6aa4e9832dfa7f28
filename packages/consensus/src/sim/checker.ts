/**
 * What must hold of any run. Independent of the core on purpose: a checker that shares its code
 * shares its bugs.
 * @module
 */
import type { Message, ValueId, Vote } from "../votes.ts";

export class SafetyViolation extends Error {}

export interface Decision {
  readonly height: bigint;
  readonly round: number;
  readonly valueId: ValueId;
}

export function isValidValue(valueId: ValueId): boolean {
  return !valueId.startsWith("0xff");
}

export class Checker {
  readonly #seatCount: number;
  readonly #decided = new Map<bigint, ValueId>();
  readonly #signed = new Map<string, string>();

  constructor(seatCount: number) {
    this.#seatCount = seatCount;
  }

  /** A correct seat signs one proposal, one prevote and one precommit in a round. */
  onSigned(seat: number, message: Message): void {
    const { height, round } = message.kind === "vote" ? message.vote : message.proposal;
    const step = message.kind === "vote" ? message.vote.kind : "proposal";
    const content =
      message.kind === "vote"
        ? String(message.vote.valueId)
        : `${message.proposal.valueId} ${message.proposal.validRound}`;
    const slot = `${seat} ${height} ${round} ${step}`;
    const before = this.#signed.get(slot);
    if (before !== undefined && before !== content) {
      throw new SafetyViolation(`seat ${slot} signed ${before} and ${content}`);
    }
    this.#signed.set(slot, content);
  }

  /** Agreement, validity, and that a decision shows the votes it rests on. */
  onDecide(decision: Decision, precommits: readonly Vote[]): void {
    const { height, round, valueId } = decision;
    const known = this.#decided.get(height);
    if (known !== undefined && known !== valueId) {
      throw new SafetyViolation(`height ${height} decided ${known} and ${valueId}`);
    }
    this.#decided.set(height, valueId);
    if (!isValidValue(valueId)) throw new SafetyViolation(`height ${height} is invalid`);
    const voters = new Set<number>();
    for (const vote of precommits) {
      const isFor = vote.kind === "precommit" && vote.height === height && vote.round === round;
      if (isFor && vote.valueId === valueId) voters.add(vote.seat);
    }
    if (voters.size !== precommits.length || 3 * voters.size <= 2 * this.#seatCount) {
      throw new SafetyViolation(`height ${height} decided on ${voters.size} votes`);
    }
  }
}
