import type { Clock } from "@cess/runtime/clock";

/**
 * When a view of the chain is worth a look: after an event that may have changed it, while there is
 * more to do, and now and then in any case.
 */
export class Watch {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #isDue = true;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, { intervalMs }: { readonly intervalMs: number }) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Makes the next look due. */
  touch(): void {
    this.#isDue = true;
  }

  /** @param work - Does nothing unless a look is due; true if there is more to do. */
  async look(work: () => Promise<boolean>): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (!this.#isDue && nowMs < this.#nextMs) return;
    // Cleared before the look: what happens meanwhile makes another one due.
    this.#isDue = false;
    this.#nextMs = nowMs + this.#intervalMs;
    let isMore = true;
    try {
      isMore = await work();
    } finally {
      if (isMore) this.touch();
    }
  }
}
