/**
 * Tags, proves and checks off the event loop: each takes tens of milliseconds to a second.
 * @module
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { BoundedQueue } from "@cess/std/bounded-queue";
import { ProofError } from "../error.ts";
import type {
  CheckKeyTask,
  CheckTask,
  PoolResult,
  PoolTask,
  ProveTask,
  TagTask,
} from "./pool-task.ts";

/** Each call rejects with `POOL_FULL`, `POOL_STOPPED` or `POOL_THREAD_DIED`, or as the work does. */
export interface Podr2Pool {
  /** Tags a fragment. Do not use `bytes` afterwards: their memory moves to the thread. */
  tag(task: Omit<TagTask, "kind">): Promise<Uint8Array>;
  /** Proves from files; also rejects with `FRAGMENT_MISSING`, `FRAGMENT_SHORT`, `TAG_MALFORMED`. */
  prove(task: Omit<ProveTask, "kind">): Promise<Uint8Array>;
  check(task: Omit<CheckTask, "kind">): Promise<boolean>;
  /** Whether provers can rely on a public key: see `isTagKeyConsistent`. */
  checkKey(task: Omit<CheckKeyTask, "kind">): Promise<boolean>;
  /** Ends all threads; what is not done rejects with `POOL_STOPPED`. */
  stop(): Promise<void>;
}

interface Job {
  readonly task: PoolTask;
  resolve(value: Uint8Array | boolean): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
}

/**
 * Starts threads as tasks come, up to `threads`; one costs 0.2 s and 30 MiB.
 *
 * @param options.queueMax - Tasks that may wait while all threads are busy.
 */
export function createPodr2Pool(options: {
  readonly threads: number;
  readonly queueMax: number;
}): Podr2Pool {
  const pool = new ThreadPool(options.threads, options.queueMax);
  return {
    tag(task) {
      return pool.run({
        ...task,
        bytes: takeBytes(task.bytes),
        kind: "tag",
      }) as Promise<Uint8Array>;
    },
    prove: (task) => pool.run({ ...task, kind: "prove" }) as Promise<Uint8Array>,
    check: (task) => pool.run({ ...task, kind: "check" }) as Promise<boolean>,
    checkKey: (task) => pool.run({ ...task, kind: "checkKey" }) as Promise<boolean>,
    stop: () => pool.stop(),
  };
}

class ThreadPool {
  readonly #threadsMax: number;
  readonly #queueMax: number;
  readonly #queue: BoundedQueue<Job>;
  readonly #threads = new Set<Thread>();
  #isStopped = false;

  constructor(threadsMax: number, queueMax: number) {
    assert(Number.isInteger(threadsMax) && threadsMax > 0);
    this.#threadsMax = threadsMax;
    this.#queueMax = queueMax;
    this.#queue = new BoundedQueue(queueMax);
  }

  run(task: PoolTask): Promise<Uint8Array | boolean> {
    return new Promise((resolve, reject) => {
      this.#accept({ task, resolve, reject });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const stopped = new ProofError({ code: "POOL_STOPPED" });
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.reject(stopped);
    }
    await Promise.all(
      [...this.#threads].map((thread) => {
        thread.job?.reject(stopped);
        return thread.worker.terminate();
      }),
    );
  }

  #accept(job: Job): void {
    const thread = this.#isStopped ? undefined : this.#idleThread();
    if (this.#isStopped) job.reject(new ProofError({ code: "POOL_STOPPED" }));
    else if (thread !== undefined) assign(thread, job);
    else if (!this.#queue.push(job)) {
      job.reject(new ProofError({ code: "POOL_FULL", queueMax: this.#queueMax }));
    }
  }

  #idleThread(): Thread | undefined {
    const idle = [...this.#threads].find((thread) => thread.job === undefined);
    if (idle !== undefined || this.#threads.size === this.#threadsMax) return idle;
    return this.#startThread();
  }

  #startThread(): Thread {
    const worker = new Worker(new URL("./pool-thread.ts", import.meta.url));
    const thread: Thread = { worker, job: undefined };
    this.#threads.add(thread);
    worker.on("message", (result: PoolResult) => this.#finish(thread, result));
    worker.on("error", (cause) => this.#bury(thread, cause));
    worker.on("exit", () => this.#bury(thread, undefined));
    return thread;
  }

  #finish(thread: Thread, result: PoolResult): void {
    const job = thread.job as Job;
    thread.job = undefined;
    // An idle thread does not keep the process alive.
    thread.worker.unref();
    const next = this.#queue.shift();
    if (next !== undefined) assign(thread, next);
    settle(job, result);
  }

  /** Fails the task of a thread that ended; another thread takes its place when needed. */
  #bury(thread: Thread, cause: unknown): void {
    this.#threads.delete(thread);
    thread.job?.reject(new ProofError({ code: "POOL_THREAD_DIED" }, { cause }));
    thread.job = undefined;
    if (this.#isStopped || this.#queue.count === 0) return;
    const next = this.#idleThread();
    if (next !== undefined) assign(next, this.#queue.shift() as Job);
  }
}

function assign(thread: Thread, job: Job): void {
  thread.job = job;
  thread.worker.ref();
  const { task } = job;
  thread.worker.postMessage(task, task.kind === "tag" ? [bufferOf(task.bytes)] : []);
}

/** The same bytes in memory that the caller no longer has, so that it can move on to a thread. */
function takeBytes(bytes: Uint8Array): Uint8Array {
  // A view of a part would take its whole buffer along, so that part is copied.
  const isWhole = bytes.length === bytes.buffer.byteLength;
  return isWhole ? structuredClone(bytes, { transfer: [bufferOf(bytes)] }) : bytes.slice();
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  assert(bytes.buffer instanceof ArrayBuffer);
  return bytes.buffer;
}

function settle(job: Job, result: PoolResult): void {
  if (result.kind === "done") job.resolve(result.value);
  else job.reject(result.kind === "refused" ? new ProofError(result.detail) : result.error);
}
