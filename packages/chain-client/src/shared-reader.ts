import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { ChainReader } from "./chain.ts";
import type { ChainEvent } from "./modules.ts";

/** How long one answer about the height is good for all who ask. */
const HEIGHT_MS = 200;
const RANGES_MAX = 32;

/**
 * One reader for all nodes of a process that follow the chain: they ask for the same blocks at the
 * same time, and what is in a block never changes. Views are read anew for each.
 */
export function createSharedReader(
  { clock }: { readonly clock: Clock },
  reader: ChainReader,
): ChainReader {
  let asked: { readonly ms: number; readonly height: Promise<number> } | undefined;
  const ranges = new BoundedMap<string, Promise<readonly ChainEvent[]>>(RANGES_MAX);
  return {
    ...reader,
    async height() {
      const nowMs = clock.nowMs();
      if (asked === undefined || nowMs - asked.ms >= HEIGHT_MS) {
        asked = { ms: nowMs, height: reader.height() };
      }
      return await asked.height;
    },
    async events(range) {
      const name = `${range.fromBlock}-${range.toBlock}`;
      const events = ranges.get(name) ?? reader.events(range);
      ranges.set(name, events);
      try {
        return await events;
      } catch (cause) {
        // The next one to ask may have more luck.
        ranges.delete(name);
        throw cause;
      }
    },
  };
}
