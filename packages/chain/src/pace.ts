import type { ValueId } from "@cess/consensus/votes";
import type { Clock } from "@cess/runtime/clock";

/** When blocks are due: each `blockMs` after the one before. */
export class Pace {
  readonly #clock: Clock;
  readonly #blockMs: number;
  /** When each block of this height was first proposed. */
  readonly #proposedMs = new Map<ValueId, number>();
  #dueMs = 0;

  constructor(clock: Clock, blockMs: number) {
    this.#clock = clock;
    this.#blockMs = blockMs;
  }

  /** The next block is due at once. */
  start(): void {
    this.#proposedMs.clear();
    this.#dueMs = this.#clock.nowMs();
  }

  /** The first time counts. */
  onProposed(valueId: ValueId, atMs: number): void {
    if (!this.#proposedMs.has(valueId)) this.#proposedMs.set(valueId, atMs);
  }

  /**
   * A block that was about on time does not shift those after it, so that the time it took to
   * build and send does not add up.
   */
  onCommitted(valueId: ValueId): void {
    const proposedMs = this.#proposedMs.get(valueId) ?? this.#clock.nowMs();
    const isOnTime = Math.abs(proposedMs - this.#dueMs) <= this.#blockMs / 10;
    this.#dueMs = (isOnTime ? this.#dueMs : proposedMs) + this.#blockMs;
    this.#proposedMs.clear();
  }

  /** Time until the next block is due, in milliseconds. */
  waitMs(): number {
    return Math.max(0, this.#dueMs - this.#clock.nowMs());
  }
}
