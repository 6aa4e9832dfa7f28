import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { Service } from "./service.ts";

export interface LoopDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface LoopOptions {
  readonly name: string;
  /** Pause after a unit of work, in milliseconds. */
  readonly intervalMs: number;
  /** One bounded unit of work. A rejection is logged and the loop goes on with the next. */
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/** The one shape of a background loop: a bounded unit of work, then an interruptible wait. */
export function createLoop(deps: LoopDeps, options: LoopOptions): Service {
  let stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await options.work(signal);
      } catch (cause) {
        // The next unit starts afresh from durable state, so one failure must not end the service.
        if (!signal.aborted) deps.log.warn("loop iteration failed", { loop: options.name, cause });
      }
      await deps.clock.sleep(options.intervalMs, signal);
    }
  }

  return {
    async start() {
      if (running !== undefined) return;
      stopping = new AbortController();
      running = run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
      running = undefined;
    },
  };
}
