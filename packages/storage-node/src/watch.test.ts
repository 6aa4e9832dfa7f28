import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "@cess/runtime/clock";
import { Watch } from "./watch.ts";

test("a look is due at first, after an event, while there is more, after a failure, and in time", async () => {
  let nowMs = 0;
  const watch = new Watch({ nowMs: () => nowMs } as Clock, { intervalMs: 100 });
  let count = 0;
  const look = (isMore = false) =>
    watch.look(async () => {
      count += 1;
      return isMore;
    });
  await look();
  await look();
  assert.equal(count, 1);
  watch.touch();
  await look(true);
  await look();
  await look();
  assert.equal(count, 3);
  nowMs = 100;
  await look();
  assert.equal(count, 4);
  watch.touch();
  await assert.rejects(
    watch.look(async () => {
      throw new RangeError("the node is away");
    }),
    RangeError,
  );
  await look();
  assert.equal(count, 5);
  // An event during a look makes the next one due.
  watch.touch();
  await watch.look(async () => {
    watch.touch();
    return false;
  });
  await look();
  assert.equal(count, 6);
});
