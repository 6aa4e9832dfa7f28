import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { hasCode } from "@cess/std/error";
import { createThreadPool, type ThreadPoolOptions } from "./thread-pool.ts";

const SERVER = new URL("./thread-server.ts", import.meta.url).href;
/** Doubles numbers; a negative one ends the thread, and one without an end keeps it busy. */
const SCRIPT = `
  import { serveTasks } from "${SERVER}";
  serveTasks(async ({ value }) => {
    if (value < 0) process.exit(1);
    if (value === Infinity) return new Promise(() => setInterval(() => {}, 1000));
    if (Number.isNaN(value)) throw new RangeError("not a number");
    return 2 * value;
  });
`;

function createPool(options: ThreadPoolOptions) {
  const script = new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`);
  return createThreadPool(() => new Worker(script), options);
}

test("tasks beyond the threads wait their turn, and each gets its own answer", async () => {
  const pool = createPool({ threads: 2, queueMax: 20 });
  const tasks = Array.from({ length: 20 }, (_, value) => pool.run({ value }));
  assert.deepEqual(
    await Promise.all(tasks),
    tasks.map((_, value) => 2 * value),
  );
  await pool.stop();
});

test("a task that throws rejects, and the thread goes on", async () => {
  const pool = createPool({ threads: 1, queueMax: 1 });
  await assert.rejects(pool.run({ value: Number.NaN }), RangeError);
  assert.equal(await pool.run({ value: 4 }), 8);
  await pool.stop();
});

test("a thread that dies fails its task alone, and another takes its place", async () => {
  const pool = createPool({ threads: 1, queueMax: 4 });
  const fatal = pool.run({ value: -1 });
  const waiting = [pool.run({ value: 1 }), pool.run({ value: -1 }), pool.run({ value: 3 })];
  const isDeath = (error: unknown) => hasCode(error, "POOL_THREAD_DIED");
  await assert.rejects(fatal, isDeath);
  const settled = await Promise.allSettled(waiting);
  assert.deepEqual(settled[0], { status: "fulfilled", value: 2 });
  assert.deepEqual(settled[1]?.status, "rejected");
  assert.deepEqual(settled[2], { status: "fulfilled", value: 6 });
  await pool.stop();
});

test("attack: tasks without end fill the queue, never more", async () => {
  const pool = createPool({ threads: 1, queueMax: 2 });
  const endless = [1, 2, 3].map(() => pool.run({ value: Infinity }));
  const settled = Promise.allSettled(endless);
  await assert.rejects(pool.run({ value: 1 }), (error) => hasCode(error, "POOL_FULL"));
  await pool.stop();
  for (const result of await settled) {
    assert(result.status === "rejected" && hasCode(result.reason, "POOL_STOPPED"));
  }
  await assert.rejects(pool.run({ value: 1 }), (error) => hasCode(error, "POOL_STOPPED"));
  await pool.stop();
});
