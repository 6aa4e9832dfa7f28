import type { ValueId } from "@cess/consensus/votes";
import type { Body } from "./messages.ts";

const BODIES_MAX = 32;

/** Blocks that were proposed for one height. When it is full, the oldest unneeded one makes room. */
export class BodyPool {
  readonly #bodies = new Map<ValueId, Body>();

  get(valueId: ValueId): Body | undefined {
    return this.#bodies.get(valueId);
  }

  add(valueId: ValueId, body: Body, isNeeded: (valueId: ValueId) => boolean): void {
    if (this.#bodies.has(valueId)) return;
    if (this.#bodies.size >= BODIES_MAX) {
      const unneeded = [...this.#bodies.keys()].find((known) => !isNeeded(known));
      if (unneeded !== undefined) this.#bodies.delete(unneeded);
    }
    this.#bodies.set(valueId, body);
  }

  clear(): void {
    this.#bodies.clear();
  }
}
