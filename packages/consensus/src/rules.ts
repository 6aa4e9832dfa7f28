import type { ValueId } from "./votes.ts";

export interface Lock {
  readonly round: number;
  readonly valueId: ValueId;
}

/**
 * The thresholds and checks that agreement rests on, as one value: the machine takes them as an
 * argument so that the simulation can show that it notices when any of them is broken.
 */
export interface Rules {
  /** Votes of one kind that no conflicting set of equal size can meet without a double voter. */
  quorum(seatCount: number): number;
  /** Votes of which at least one is from a correct seat: f + 1. */
  support(seatCount: number): number;
  /** Prevotes for one value before it is locked and precommitted, line 36. */
  polka(seatCount: number): number;
  /** Whether a lock leaves a seat free to prevote for `valueId`, lines 23 and 29. */
  mayPrevote(lock: Lock | undefined, valueId: ValueId, validRound: number): boolean;
}

export const RULES: Rules = {
  quorum: quorumOf,
  support: (seatCount) => seatCount - quorumOf(seatCount) + 1,
  polka: quorumOf,
  mayPrevote(lock, valueId, validRound) {
    return lock === undefined || lock.valueId === valueId || lock.round <= validRound;
  },
};

/** Smallest number of seats that is more than two thirds of `seatCount`. */
export function quorumOf(seatCount: number): number {
  return Math.floor((2 * seatCount) / 3) + 1;
}
