import assert from "node:assert/strict";

interface SimEvent {
  readonly atMs: number;
  /** Breaks ties, so that equal times run in the order of their scheduling. */
  readonly order: number;
  readonly run: () => void;
}

/** Healthy runs stay far below; more is a message storm, which would otherwise look like a hang. */
const EVENT_COUNT_MAX = 20_000;

/** Simulated time: a binary heap of what happens when. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #nowMs = 0;
  #order = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  schedule(afterMs: number, run: () => void): void {
    assert(this.#heap.length < EVENT_COUNT_MAX, "message storm");
    this.#order += 1;
    const event = { atMs: this.#nowMs + afterMs, order: this.#order, run };
    let index = this.#heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, this.#heap[parent]!)) break;
      this.#heap[index] = this.#heap[parent]!;
      index = parent;
    }
    this.#heap[index] = event;
  }

  /** Runs events until `isDone`, or until the next one lies after `untilMs`. */
  runUntil(untilMs: number, isDone: () => boolean): void {
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return;
      this.#removeFirst();
      this.#nowMs = next.atMs;
      next.run();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop()!;
    const { length } = this.#heap;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child += 1;
      if (!isBefore(this.#heap[child]!, last)) break;
      this.#heap[index] = this.#heap[child]!;
      index = child;
    }
    this.#heap[index] = last;
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
