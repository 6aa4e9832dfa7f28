import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import type { NodeContext } from "./node-context.ts";

/** Reads every fragment, again and again, so that decay is found while others can still help. */
export function createScrubber(
  { ledger, store, clock, log }: NodeContext,
  { intervalMs }: { readonly intervalMs: number },
): Service {
  let last: Hex | undefined;
  return createLoop(
    { clock, log },
    {
      name: "scrub",
      intervalMs,
      async work() {
        const next = ledger.fragmentsAfter(last, 1)[0];
        last = next?.[0];
        if (last === undefined) return;
        try {
          await store.verify(last);
        } catch (cause) {
          if (!hasCode(cause, "FRAGMENT_LOST", "FRAGMENT_NOT_FOUND")) throw cause;
        }
      },
    },
  );
}
