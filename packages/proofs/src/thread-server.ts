import assert from "node:assert/strict";
import { parentPort } from "node:worker_threads";
import { ProofError } from "./error.ts";
import type { ThreadResult } from "./thread-pool.ts";

/** Answers the tasks of this thread's pool. Bytes that `perform` returns must be all its own. */
export function serveTasks<Task>(perform: (task: Task) => Promise<unknown>): void {
  const port = parentPort;
  assert(port !== null, "not a thread of a pool");
  port.on("message", async (task: Task) => {
    const result = await settle(() => perform(task));
    const isBytes = result.kind === "done" && result.value instanceof Uint8Array;
    port.postMessage(result, isBytes ? [(result.value as Uint8Array<ArrayBuffer>).buffer] : []);
  });
}

async function settle(perform: () => Promise<unknown>): Promise<ThreadResult> {
  try {
    return { kind: "done", value: await perform() };
  } catch (error) {
    if (error instanceof ProofError) return { kind: "refused", detail: error.detail };
    return { kind: "broken", error };
  }
}
