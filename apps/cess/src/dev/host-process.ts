import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setPriority } from "node:os";
import type { RoleConfig } from "../config.ts";
import { CLIError } from "../error.ts";
import type { HostAnswer, HostCommand } from "./host-protocol.ts";

export interface HostOptions {
  readonly name: string;
  /** File that everything the process prints goes to. */
  readonly logPath: string;
  /** Nice value of the process: higher yields to the others. */
  readonly niceness: number;
  /** Called when the process ends without having been told to. */
  readonly onExit: (name: string) => void;
}

type CommandBody =
  | { readonly kind: "start"; readonly config: RoleConfig }
  | { readonly kind: "kill"; readonly id: string }
  | { readonly kind: "status" }
  | { readonly kind: "stop" };

const ANSWER_MS = 60_000;
const EXIT_MS = 10_000;
/**
 * PERF: the storage nodes of a process share its threads for files. With the four that there are
 * by default, twelve nodes that wait for the disk to sync keep all reads waiting. Two arenas give
 * freed buffers back instead of keeping some for each thread.
 */
const ENVIRONMENT = { UV_THREADPOOL_SIZE: "16", MALLOC_ARENA_MAX: "2" };
/** PERF: what streams through dies young; half the default space takes 40 MiB less a process. */
const FLAGS = ["--max-semi-space-size=8"];

/** A child process that runs one or more nodes. */
export class HostProcess {
  readonly #options: HostOptions;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, (answer: HostAnswer) => void>();
  #requestId = 0;
  #isEnding = false;

  constructor(options: HostOptions) {
    this.#options = options;
    const log = openSync(options.logPath, "a");
    this.#child = fork(new URL("../main.ts", import.meta.url), ["host", options.name], {
      stdio: ["ignore", log, log, "ipc"],
      env: { ...process.env, ...ENVIRONMENT },
      execArgv: [...process.execArgv, ...FLAGS],
    });
    closeSync(log);
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, options.niceness);
    this.#child.on("message", (message) => {
      const answer = message as HostAnswer;
      this.#waiting.get(answer.requestId)?.(answer);
      this.#waiting.delete(answer.requestId);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", () => {
        this.#failWaiting();
        if (!this.#isEnding) options.onExit(options.name);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Sends a command and waits until it is carried out.
   *
   * @throws {@link CLIError} `HOST_FAILED`
   */
  async command(body: CommandBody): Promise<HostAnswer["details"]> {
    const { name } = this.#options;
    if (!this.isRunning) throw this.#failed("its process has ended");
    this.#requestId += 1;
    const requestId = this.#requestId;
    const answer = await new Promise<HostAnswer>((resolve) => {
      const silence = { requestId, error: `no answer in ${ANSWER_MS} ms`, details: {} };
      const timer = setTimeout(() => resolve(silence), ANSWER_MS);
      this.#waiting.set(requestId, (received) => {
        clearTimeout(timer);
        resolve(received);
      });
      this.#child.send({ ...body, requestId } satisfies HostCommand);
    });
    if (answer.error !== undefined) throw this.#failed(`${answer.error} (log of ${name})`);
    return answer.details;
  }

  /** Lets the nodes end in order, then ends the process. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#isEnding = true;
    await this.command({ kind: "stop" }).catch(() => undefined);
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the process at once, as a crash would. */
  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #failWaiting(): void {
    for (const [requestId, resolve] of this.#waiting) {
      resolve({ requestId, error: "its process ended", details: {} });
    }
    this.#waiting.clear();
  }

  #failed(reason: string): CLIError {
    return new CLIError({ code: "HOST_FAILED", host: this.#options.name, reason });
  }
}
