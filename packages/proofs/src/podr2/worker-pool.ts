/**
 * Tags, proves and checks off the event loop: each takes tens of milliseconds to a second.
 * @module
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { createThreadPool, type ThreadPoolOptions } from "../thread-pool.ts";
import type { CheckKeyTask, CheckTask, PoolTask, ProveTask, TagTask } from "./pool-task.ts";

/** Each call rejects with `POOL_FULL`, `POOL_STOPPED` or `POOL_THREAD_DIED`, or as the work does. */
export interface Podr2Pool {
  /** Tags a fragment. Do not use `bytes` afterwards: their memory moves to the thread. */
  tag(task: Omit<TagTask, "kind">): Promise<Uint8Array>;
  /** Proves from files or from blocks given; from files also rejects with `FRAGMENT_MISSING`, `FRAGMENT_SHORT`, `TAG_MALFORMED`. */
  prove(task: Omit<ProveTask, "kind">): Promise<Uint8Array>;
  check(task: Omit<CheckTask, "kind">): Promise<boolean>;
  /** Whether provers can rely on a public key: see `isTagKeyConsistent`. */
  checkKey(task: Omit<CheckKeyTask, "kind">): Promise<boolean>;
  /** Ends all threads; what is not done rejects with `POOL_STOPPED`. */
  stop(): Promise<void>;
}

/** PERF: a thread costs 0.2 s and 30 MiB to start, and 0.4 s for the first proof of each key. */
export function createPodr2Pool(options: ThreadPoolOptions): Podr2Pool {
  const script = new URL("./pool-thread.ts", import.meta.url);
  const pool = createThreadPool(() => new Worker(script), options);
  const run = (task: PoolTask, transfer: readonly ArrayBuffer[] = []) => pool.run(task, transfer);
  return {
    async tag(task) {
      const bytes = takeBytes(task.bytes);
      return (await run({ ...task, bytes, kind: "tag" }, [bufferOf(bytes)])) as Uint8Array;
    },
    prove: async (task) => (await run({ ...task, kind: "prove" })) as Uint8Array,
    check: async (task) => (await run({ ...task, kind: "check" })) as boolean,
    checkKey: async (task) => (await run({ ...task, kind: "checkKey" })) as boolean,
    stop: () => pool.stop(),
  };
}

/** The same bytes in memory that the caller no longer has, so that it can move on to a thread. */
function takeBytes(bytes: Uint8Array): Uint8Array {
  // A view of a part would take its whole buffer along, so that part is copied. A Buffer's own
  // `slice` would be another view.
  const isWhole = bytes.length === bytes.buffer.byteLength;
  return isWhole ? structuredClone(bytes, { transfer: [bufferOf(bytes)] }) : new Uint8Array(bytes);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  assert(bytes.buffer instanceof ArrayBuffer);
  return bytes.buffer;
}
