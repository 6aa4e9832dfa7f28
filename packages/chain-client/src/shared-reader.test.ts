import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "@cess/runtime/clock";
import type { ChainReader } from "./chain.ts";
import { createSharedReader } from "./shared-reader.ts";

test("the height and the events of a run of blocks are asked for once, failures again", async () => {
  let nowMs = 0;
  let heightCount = 0;
  let eventsCount = 0;
  let isBroken = true;
  const reader = createSharedReader({ clock: { nowMs: () => nowMs } as Clock }, {
    async height() {
      heightCount += 1;
      return heightCount;
    },
    async events() {
      eventsCount += 1;
      if (isBroken) throw new RangeError("the node is away");
      return [];
    },
  } as Partial<ChainReader> as ChainReader);
  assert.deepEqual(await Promise.all([reader.height(), reader.height()]), [1, 1]);
  nowMs = 1000;
  assert.equal(await reader.height(), 2);

  const range = { fromBlock: 1, toBlock: 2 };
  const both = await Promise.allSettled([reader.events(range), reader.events(range)]);
  assert(both.every(({ status }) => status === "rejected"));
  assert.equal(eventsCount, 1);
  isBroken = false;
  assert.deepEqual(await reader.events(range), []);
  assert.deepEqual(await reader.events(range), []);
  assert.equal(eventsCount, 2);
  await reader.events({ fromBlock: 2, toBlock: 2 });
  assert.equal(eventsCount, 3);
});
