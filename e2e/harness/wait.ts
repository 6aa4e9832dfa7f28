import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/** Asks until there is an answer that is not undefined. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { timeoutMs, intervalMs = 500 }: WaitOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(intervalMs);
  }
}

/** Says what a long step took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  return result;
}

export function say(text: string): void {
  console.log(`    ${text}`);
}

/** Runs `work` for every item, at most `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const [index, item] of queue) await work(item, index);
    }),
  );
}

/** Deletes the folder of a test; with `E2E_KEEP=1` it stays, with the logs of all nodes in it. */
export function discard(folder: string): void {
  if (process.env["E2E_KEEP"] === "1") say(`kept ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
