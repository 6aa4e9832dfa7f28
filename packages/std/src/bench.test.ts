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

test("figures carry the unit that fits, the median before the best", () => {
  const figures = (nsPerOperation: number, bytesPerSecond?: number) =>
    formatResult({
      name: "n",
      sizes: { a: 1, b: 2 },
      nsPerOperation,
      nsPerOperationBest: nsPerOperation / 2,
      bytesPerSecond,
      hash: "h",
    });
  assert.deepEqual(figures(1000), ["n", "a=1 b=2", "1000000 ops/s", "best 2000000 ops/s", "h"]);
  assert.deepEqual(figures(5, 3 * 2 ** 30).slice(2, 4), ["3.000 GiB/s", "best 6.000 GiB/s"]);
  assert.deepEqual(figures(2_500_000).slice(2, 4), ["2.50 ms", "best 1.25 ms"]);
});
