import type { Clock } from "@cess/runtime/clock";

export interface Patience {
  /** How many must be done before the others can count as stragglers. */
  readonly needCount: number;
  /** What stragglers then still get, in milliseconds. */
  readonly stallMs: number;
  /** What all get together, in milliseconds. */
  readonly patienceMs: number;
}

/**
 * Waits for all of `works`, and gives up on those that hold most of the others up.
 *
 * A slow node is one that is slower than its peers: while most are slow, the machine, the network
 * or the load is to blame, and replacing nodes would only add to it.
 *
 * @param giveUp - Called with the index of each straggler; must make its work settle.
 */
export async function awaitMost(
  clock: Clock,
  works: readonly Promise<unknown>[],
  { patience, giveUp }: { readonly patience: Patience; readonly giveUp: (index: number) => void },
): Promise<void> {
  const pending = new Set(works.keys());
  const finished = new AbortController();
  const enough = Promise.withResolvers<void>();
  const check = () => {
    if (works.length - pending.size >= patience.needCount) enough.resolve();
  };
  check();
  const settled = works.map(async (work, index) => {
    try {
      await work;
    } finally {
      pending.delete(index);
      check();
    }
  });
  const stalled = enough.promise.then(() => clock.sleep(patience.stallMs, finished.signal));
  const exhausted = clock.sleep(patience.patienceMs, finished.signal);
  void Promise.race([stalled, exhausted]).then(() => {
    if (!finished.signal.aborted) for (const index of pending) giveUp(index);
  });
  try {
    await Promise.all(settled);
  } finally {
    finished.abort();
  }
}
