import type { Evidence } from "./evidence.ts";
import type { Proposal, ValueId, Vote, VoteKind } from "./votes.ts";

export interface KnownProposal {
  readonly proposal: Proposal;
  /** The host's verdict on the block. */
  readonly isValid: boolean;
}

/**
 * The votes of one kind in one round.
 *
 * A seat's first vote always counts. A conflicting one counts as well, but only for a value that
 * `supportMin` seats vote for, of which one is correct: without it, a seat that votes differently
 * to different peers could hide a quorum from some of them for good. Fewer than three values can
 * have that support, which bounds the memory at three votes a seat.
 */
export class VoteSet {
  readonly #byValue = new Map<ValueId | undefined, Map<number, Vote>>();
  readonly #firstBySeat = new Map<number, Vote>();
  readonly #doubleVoters = new Set<number>();

  /** Seats that voted at all. */
  get seatCount(): number {
    return this.#firstBySeat.size;
  }

  /** Records a vote; returns evidence the first time that its seat contradicts itself. */
  add(vote: Vote, supportMin: number): Evidence | undefined {
    const first = this.#firstBySeat.get(vote.seat);
    if (first === undefined) {
      this.#firstBySeat.set(vote.seat, vote);
      this.#count(vote);
      return undefined;
    }
    if (first.valueId === vote.valueId) return undefined;
    if (this.countFor(vote.valueId) >= supportMin) this.#count(vote);
    if (this.#doubleVoters.has(vote.seat)) return undefined;
    this.#doubleVoters.add(vote.seat);
    return { kind: "votes", first, second: vote };
  }

  countFor(valueId: ValueId | undefined): number {
    return this.#byValue.get(valueId)?.size ?? 0;
  }

  /** Votes for one value in the order of seats. */
  votesFor(valueId: ValueId | undefined): readonly Vote[] {
    const votes = [...(this.#byValue.get(valueId)?.values() ?? [])];
    return votes.sort((left, right) => left.seat - right.seat);
  }

  *[Symbol.iterator](): IterableIterator<Vote> {
    for (const votes of this.#byValue.values()) yield* votes.values();
  }

  #count(vote: Vote): void {
    const votes = this.#byValue.get(vote.valueId);
    if (votes === undefined) this.#byValue.set(vote.valueId, new Map([[vote.seat, vote]]));
    else if (!votes.has(vote.seat)) votes.set(vote.seat, vote);
  }
}

/** What is known of one round, and which of its once-only rules have fired. */
export class RoundLog {
  readonly prevotes: VoteSet = new VoteSet();
  readonly precommits: VoteSet = new VoteSet();
  isPrevoteTimerSet = false;
  isPrecommitTimerSet = false;
  hasPolkaFired = false;
  readonly #proposals = new Map<ValueId, KnownProposal>();
  #isProposerExposed = false;

  votes(kind: VoteKind): VoteSet {
    return kind === "prevote" ? this.prevotes : this.precommits;
  }

  get proposals(): Iterable<KnownProposal> {
    return this.#proposals.values();
  }

  /** Records a proposal by the same rule as {@link VoteSet}: the first, and what seats support. */
  addProposal(known: KnownProposal, supportMin: number): Evidence | undefined {
    const { proposal } = known;
    const { valueId } = proposal;
    if (this.#proposals.has(valueId)) return undefined;
    const first = this.#proposals.values().next().value?.proposal;
    const votes = Math.max(this.prevotes.countFor(valueId), this.precommits.countFor(valueId));
    if (first === undefined || votes >= supportMin) this.#proposals.set(valueId, known);
    if (first === undefined || this.#isProposerExposed) return undefined;
    this.#isProposerExposed = true;
    return { kind: "proposals", first, second: proposal };
  }
}
