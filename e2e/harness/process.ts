/**
 * Child processes of a test: started with their output at hand, and never left behind.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

export const ROOT: string = resolve(import.meta.dirname, "../..");
const MAIN: string = join(ROOT, "apps/cess/src/main.ts");
/** Kept of what a process prints, in characters. */
const OUTPUT_CHARS_MAX = 1_000_000;

const running = new Set<ChildProcess>();
// A test that is told to end takes with it what it started.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.on("exit", () => {
  for (const { pid } of running) if (pid !== undefined) killTree(pid);
});

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the exit code, or null if a signal ended it. */
  readonly exited: Promise<number | null>;
  output(): string;
  errors(): string;
  /** First line on standard output that `matches`; rejects if the process ends before. */
  line(matches: (line: string) => boolean, timeoutMs: number): Promise<string>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program in the repository's folder. */
export function start(command: string, args: readonly string[], options: RunOptions = {}): Started {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.pid === undefined) throw new Error(`${command} cannot be started`);
  running.add(child);
  const exited = once(child, "close").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-OUTPUT_CHARS_MAX);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-OUTPUT_CHARS_MAX);
  });
  const lines = createInterface({ input: child.stdout });
  const line: Started["line"] = (matches, timeoutMs) =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new Error(`${args.join(" ")}: ${why}\n${errors}`));
      };
      const timer = setTimeout(() => fail(`silent for ${timeoutMs} ms`), timeoutMs);
      exited.then((code) => fail(`ended with ${code}`));
      lines.on("line", (text) => {
        if (!matches(text)) return;
        clearTimeout(timer);
        resolve(text);
      });
    });
  return { child, pid: child.pid, exited, output: () => output, errors: () => errors, line };
}

/** Starts `cess` with these arguments. */
export function startCess(...args: readonly string[]): Started {
  return start(process.execPath, [MAIN, ...args]);
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const { timeoutMs = 60_000 } = options;
  const started = start(command, args, options);
  const timer = setTimeout(() => killTree(started.pid), timeoutMs);
  const code = await started.exited;
  clearTimeout(timer);
  return { code, stdout: started.output(), stderr: started.errors() };
}

/** Runs `cess` with these arguments to its end. */
export async function runCess(...args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [MAIN, ...args]);
}

/** Asks a process to end, and ends it with all its children if it does not. */
export async function end({ child, pid, exited }: Started, graceMs = 30_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const family = [pid, ...descendantsOf(pid)];
  child.kill("SIGTERM");
  const timer = setTimeout(() => family.forEach(killOne), graceMs);
  await exited;
  clearTimeout(timer);
  family.forEach(killOne);
}

/** Ends a process and everything it started, at once. */
export function killTree(pid: number): void {
  [pid, ...descendantsOf(pid)].forEach(killOne);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process.
    return false;
  }
}

/** Every process below `pid`. */
export function descendantsOf(pid: number): number[] {
  const children = Map.groupBy(
    readdirSync("/proc").filter((name) => /^\d+$/.test(name)),
    (name) => parentOf(Number(name)),
  );
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((name) => [Number(name), ...below(Number(name))]);
  return below(pid);
}

/** Resident memory of a process in bytes, what it shares with others counted whole. */
export function residentBytes(pid: number): number {
  return kilobytesIn(`/proc/${pid}/status`, "VmRSS") * 1024;
}

/** Resident memory of a process in bytes, what it shares counted in part: sums add up. */
export function proportionalBytes(pid: number): number {
  return kilobytesIn(`/proc/${pid}/smaps_rollup`, "Pss") * 1024;
}

function kilobytesIn(path: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readProc(path));
  return Number(match?.[1] ?? 0);
}

function parentOf(pid: number): number {
  // "pid (name) state ppid …"; a name may contain anything.
  return Number(readProc(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[1] ?? 0);
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended in the meantime.
    return "";
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
