import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import type { BlockRange, ChainReader } from "./chain.ts";
import type { ChainEvent } from "./modules.ts";

export interface FollowerDeps {
  readonly chain: ChainReader;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface FollowerOptions {
  /** First block that is handed over. Asked once, at the first unit of work. */
  readonly fromBlock: () => Promise<number>;
  /**
   * Takes the events of a run of blocks, in order. The next run comes only after it resolves; if it
   * rejects, the same run comes again: it should keep its place together with what it does.
   */
  readonly onBlocks: (events: readonly ChainEvent[], range: BlockRange) => Promise<void>;
  readonly intervalMs?: number;
}

/** Blocks asked for at once: keeps an answer small after a long absence. */
const RANGE_BLOCKS_MAX = 500;
const INTERVAL_MS = 300;

/** Hands every event from a height on to `onBlocks`, none skipped and none before its time. */
export function createFollower(deps: FollowerDeps, options: FollowerOptions): Service {
  const { chain } = deps;
  let next: number | undefined;

  async function catchUp(signal: AbortSignal): Promise<void> {
    next ??= await options.fromBlock();
    const head = await chain.height();
    while (next <= head && !signal.aborted) {
      const toBlock = Math.min(head, next + RANGE_BLOCKS_MAX - 1);
      const range = { fromBlock: next, toBlock };
      await options.onBlocks(await chain.events(range), range);
      next = toBlock + 1;
    }
  }

  const { intervalMs = INTERVAL_MS } = options;
  return createLoop(deps, { name: "follow-chain", intervalMs, work: catchUp });
}
