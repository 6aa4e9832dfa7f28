/**
 * Runs every benchmark, one process after the other, prints one table and writes
 * `bench/results.json`.
 *
 *     npm run bench                    full sizes
 *     npm run bench -- --smoke         small sizes: shows that they run
 *     npm run bench -- erasure crypto  only files whose path has one of the words
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BenchResult, formatResult } from "../packages/std/src/bench.ts";

const ROOT = join(import.meta.dirname, "..");
const FILE_TIMEOUT_MS = 15 * 60 * 1000;

const { values, positionals } = parseArgs({
  options: { smoke: { type: "boolean", default: false } },
  allowPositionals: true,
});
const files = globSync(["packages/*/src/**/*.bench.ts", "e2e/*.bench.ts"], { cwd: ROOT })
  .filter((file) => positionals.length === 0 || positionals.some((word) => file.includes(word)))
  .sort();
const runs = files.map((file) => ({ file, ...run(file, values.smoke) }));
const results = runs.flatMap(({ file, results }) => results.map((each) => ({ file, ...each })));
const failed = runs.filter(({ isOk }) => !isOk).map(({ file }) => file);

const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  sizes: values.smoke ? "smoke" : "full",
};
mkdirSync(join(ROOT, "bench"), { recursive: true });
writeFileSync(
  join(ROOT, "bench/results.json"),
  `${JSON.stringify({ machine, results, failed }, null, 2)}\n`,
);
const { cpu, cores, memoryGiB, node, sizes } = machine;
process.stdout.write(`\n${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, ${sizes} sizes\n`);
process.stdout.write(`${table(results)}\n`);
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}

function run(file: string, isSmoke: boolean): { isOk: boolean; results: BenchResult[] } {
  process.stdout.write(`${file}\n`);
  const child = spawnSync(process.execPath, [join(ROOT, file)], {
    env: { ...process.env, BENCH: isSmoke ? "0" : "1", BENCH_JSON: "1" },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: FILE_TIMEOUT_MS,
  });
  const lines = child.stdout.split("\n").filter((line) => line.startsWith("{"));
  return {
    isOk: child.status === 0 && lines.length > 0,
    results: lines.map((line) => JSON.parse(line) as BenchResult),
  };
}

/** Columns as wide as their widest cell; the figures, which are read down, to the right. */
function table(rows: readonly BenchResult[]): string {
  const cells = rows.map(formatResult);
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  const pad = (text: string, column: number) =>
    column === 2 || column === 3 ? text.padStart(width(column)) : text.padEnd(width(column));
  return cells.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
