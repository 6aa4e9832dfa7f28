import assert from "node:assert/strict";

/** First in, first out, never longer than its limit. */
export class BoundedQueue<T> {
  readonly #items: T[] = [];
  readonly #countMax: number;

  constructor(countMax: number) {
    assert(Number.isInteger(countMax) && countMax > 0);
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#items.length;
  }

  /** Adds at the end. False, and nothing changes, if the queue is full. */
  push(item: T): boolean {
    if (this.#items.length === this.#countMax) return false;
    this.#items.push(item);
    return true;
  }

  shift(): T | undefined {
    return this.#items.shift();
  }
}
