/**
 * A few threads that do one task after another, so that the event loop does none of them.
 * @module
 */
import assert from "node:assert/strict";
import type { Transferable, Worker } from "node:worker_threads";
import { BoundedQueue } from "@cess/std/bounded-queue";
import { ProofError, type ProofErrorDetail } from "./error.ts";

/** What a thread says of its task. Only this package's error keeps its type on the way. */
export type ThreadResult =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "refused"; readonly detail: ProofErrorDetail }
  | { readonly kind: "broken"; readonly error: unknown };

export interface ThreadPool {
  /**
   * Does a task on the next free thread.
   *
   * @param transfer - Memory of the task that moves to the thread instead of being copied.
   * @throws {@link ProofError} `POOL_FULL`, `POOL_STOPPED`, `POOL_THREAD_DIED`, and what the task
   *   throws.
   */
  run(task: object, transfer?: readonly Transferable[]): Promise<unknown>;
  /** Ends all threads; what is not done rejects with `POOL_STOPPED`. */
  stop(): Promise<void>;
}

export interface ThreadPoolOptions {
  readonly threads: number;
  /** Tasks that may wait while all threads are busy. */
  readonly queueMax: number;
}

interface Job {
  readonly task: object;
  readonly transfer: readonly Transferable[];
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
}

/**
 * Starts threads as tasks come. An idle thread does not keep the process alive.
 *
 * @param startWorker - Its script serves tasks by `serveTasks`.
 */
export function createThreadPool(
  startWorker: () => Worker,
  options: ThreadPoolOptions,
): ThreadPool {
  return new WorkerThreadPool(startWorker, options);
}

class WorkerThreadPool implements ThreadPool {
  readonly #startWorker: () => Worker;
  readonly #options: ThreadPoolOptions;
  readonly #queue: BoundedQueue<Job>;
  readonly #threads = new Set<Thread>();
  #isStopped = false;

  constructor(startWorker: () => Worker, options: ThreadPoolOptions) {
    assert(Number.isInteger(options.threads) && options.threads > 0);
    this.#startWorker = startWorker;
    this.#options = options;
    this.#queue = new BoundedQueue(options.queueMax);
  }

  run(task: object, transfer: readonly Transferable[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#accept({ task, transfer, resolve, reject });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const stopped = new ProofError({ code: "POOL_STOPPED" });
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.reject(stopped);
    }
    const ends = [...this.#threads].map((thread) => {
      thread.job?.reject(stopped);
      return thread.worker.terminate();
    });
    await Promise.all(ends);
  }

  #accept(job: Job): void {
    const thread = this.#isStopped ? undefined : this.#freeThread();
    if (this.#isStopped) job.reject(new ProofError({ code: "POOL_STOPPED" }));
    else if (thread !== undefined) assign(thread, job);
    else if (!this.#queue.push(job)) {
      job.reject(new ProofError({ code: "POOL_FULL", queueMax: this.#options.queueMax }));
    }
  }

  #freeThread(): Thread | undefined {
    const idle = [...this.#threads].find((thread) => thread.job === undefined);
    const isFull = this.#threads.size === this.#options.threads;
    return idle === undefined && !isFull ? this.#startThread() : idle;
  }

  #startThread(): Thread {
    const thread: Thread = { worker: this.#startWorker(), job: undefined };
    this.#threads.add(thread);
    thread.worker.on("message", (result: ThreadResult) => this.#finish(thread, result));
    thread.worker.on("error", (cause) => this.#bury(thread, cause));
    thread.worker.on("exit", () => this.#bury(thread, undefined));
    return thread;
  }

  #finish(thread: Thread, result: ThreadResult): void {
    const job = thread.job as Job;
    thread.job = undefined;
    thread.worker.unref();
    this.#assignNext();
    if (result.kind === "done") job.resolve(result.value);
    else job.reject(result.kind === "refused" ? new ProofError(result.detail) : result.error);
  }

  /** Fails the task of a thread that ended; another thread takes its place when needed. */
  #bury(thread: Thread, cause: unknown): void {
    this.#threads.delete(thread);
    thread.job?.reject(new ProofError({ code: "POOL_THREAD_DIED" }, { cause }));
    thread.job = undefined;
    this.#assignNext();
  }

  #assignNext(): void {
    if (this.#isStopped || this.#queue.count === 0) return;
    const thread = this.#freeThread();
    if (thread !== undefined) assign(thread, this.#queue.shift() as Job);
  }
}

function assign(thread: Thread, job: Job): void {
  thread.job = job;
  thread.worker.ref();
  thread.worker.postMessage(job.task, job.transfer);
}
