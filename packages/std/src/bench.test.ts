import assert from "node:assert/strict";
import { test } from "node:test";
import { formatResult, measure } from "./bench.ts";

test("a task is warmed up once, then timed as often as asked, and its last output is hashed", async () => {
  let calls = 0;
  const body = () => {
    calls += 1;
    return Uint8Array.of(calls);
  };
  const result = await measure(
    { operations: 1000, bytes: 2 ** 30, body },
    { warmUpMs: 0, samples: 3 },
  );
  assert.equal(calls, 4);
  // SHA-256 of the one byte 0x04.
  assert.equal(result.hash, "e52d9c50");
  assert(result.nsPerOperationBest <= result.nsPerOperation);
  assert(result.bytesPerSecond !== undefined && result.bytesPerSecond > 0);
});

test("figures carry the unit that fits", () => {
  const base = { name: "n", sizes: { a: 1, b: 2 }, nsPerOperationBest: 0, hash: "h" };
  const figure = (nsPerOperation: number, bytesPerSecond?: number) =>
    formatResult({ ...base, nsPerOperation, bytesPerSecond })[2];
  assert.equal(figure(5, 3 * 2 ** 30), "3.000 GiB/s");
  assert.equal(figure(2_500_000), "2.50 ms");
  assert.equal(figure(1000), "1000000 ops/s");
  assert.deepEqual(formatResult({ ...base, nsPerOperation: 5, bytesPerSecond: 0 })[1], "a=1 b=2");
});
