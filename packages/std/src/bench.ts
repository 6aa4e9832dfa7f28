import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";

/** Full sizes and many samples with `BENCH=1`; otherwise one small run, so that no benchmark rots. */
export const IS_FULL: boolean = process.env["BENCH"] === "1";
/** One line of JSON for each result, for `tools/bench.ts`; otherwise one line for a person. */
const IS_JSON = process.env["BENCH_JSON"] === "1";
const FULL: BenchEffort = { warmUpMs: 300, samples: 12 };
const SMOKE: BenchEffort = { warmUpMs: 0, samples: 1 };
const SEED = 42;

/** For each parameter, its value in a smoke run and in a full run. */
export type BenchSizes<Key extends string> = Readonly<
  Record<Key, readonly [smoke: number, full: number]>
>;

export interface BenchInput<Key extends string> {
  readonly sizes: Readonly<Record<Key, number>>;
  readonly seed: number;
}

export interface BenchTask {
  /** What one call of `body` does this many times: one if left out. */
  readonly operations?: number;
  /** Bytes that one call of `body` processes: makes the result a throughput. */
  readonly bytes?: number;
  /** The timed part. The bytes it returns are hashed. */
  readonly body: () => Uint8Array | Promise<Uint8Array>;
}

export interface BenchEffort {
  /** How long the task runs before it is timed, at least once: engines compile what runs long. */
  readonly warmUpMs: number;
  readonly samples: number;
}

export interface BenchResult {
  readonly name: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** Median over the samples, and the fastest of them. */
  readonly nsPerOperation: number;
  readonly nsPerOperationBest: number;
  /** Only where the task named its bytes; from the median. */
  readonly bytesPerSecond: number | undefined;
  /** Of the result bytes: equal on every machine for one seed and one size. */
  readonly hash: string;
}

/**
 * Times a task and prints its result.
 *
 * The hash of what was computed keeps the engine from dropping the work, and shows when a "faster"
 * version computes something else.
 *
 * @param prepare - Builds the inputs outside the timed part.
 */
export async function bench<Key extends string>(
  name: string,
  sizes: BenchSizes<Key>,
  prepare: (input: BenchInput<Key>) => BenchTask | Promise<BenchTask>,
): Promise<void> {
  const column = IS_FULL ? 1 : 0;
  const chosen = {} as Record<Key, number>;
  for (const key of Object.keys(sizes) as Key[]) chosen[key] = sizes[key][column];
  const task = await prepare({ sizes: chosen, seed: SEED });
  printResult({ name, sizes: chosen, ...(await measure(task, IS_FULL ? FULL : SMOKE)) });
}

/** Prints a result as {@link bench} does: for figures that take more than timing one body. */
export function printResult(result: BenchResult): void {
  process.stdout.write(`${IS_JSON ? JSON.stringify(result) : formatResult(result).join("  ")}\n`);
}

/** Warms `task` up, then times it `samples` times. */
export async function measure(
  task: BenchTask,
  { warmUpMs, samples }: BenchEffort,
): Promise<Omit<BenchResult, "name" | "sizes">> {
  const { operations = 1, bytes, body } = task;
  const elapsedMs: number[] = [];
  const warmUntilMs = performance.now() + warmUpMs;
  let output = await body();
  while (performance.now() < warmUntilMs) output = await body();
  for (let sample = 0; sample < samples; sample += 1) {
    const startMs = performance.now();
    output = await body();
    elapsedMs.push(performance.now() - startMs);
  }
  elapsedMs.sort((left, right) => left - right);
  const medianMs = elapsedMs[Math.floor(samples / 2)] as number;
  return {
    nsPerOperation: (medianMs * 1e6) / operations,
    nsPerOperationBest: ((elapsedMs[0] as number) * 1e6) / operations,
    bytesPerSecond: bytes === undefined ? undefined : (bytes * 1000) / medianMs,
    hash: createHash("sha256").update(output).digest("hex").slice(0, 8),
  };
}

/** Name, sizes, median and best figure with their unit, and hash: the columns of a table. */
export function formatResult(result: BenchResult): readonly string[] {
  const { name, nsPerOperation, nsPerOperationBest, bytesPerSecond, hash } = result;
  const sizes = Object.entries(result.sizes).map(([key, value]) => `${key}=${value}`);
  const gain = nsPerOperation / nsPerOperationBest;
  const bestPerSecond = bytesPerSecond === undefined ? undefined : bytesPerSecond * gain;
  const median = formatFigure(nsPerOperation, bytesPerSecond);
  const best = formatFigure(nsPerOperationBest, bestPerSecond);
  return [name, sizes.join(" "), median, `best ${best}`, hash];
}

function formatFigure(nsPerOperation: number, bytesPerSecond: number | undefined): string {
  if (bytesPerSecond !== undefined) return `${(bytesPerSecond / 2 ** 30).toFixed(3)} GiB/s`;
  if (nsPerOperation >= 1e6) return `${(nsPerOperation / 1e6).toFixed(2)} ms`;
  return `${Math.round(1e9 / nsPerOperation)} ops/s`;
}
