import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@cess/runtime/node/system";
import { Pace } from "./pace.ts";

test("small delays do not add up, large ones move the beat", () => {
  let nowMs = 5_000;
  const pace = new Pace({ ...systemClock, nowMs: () => nowMs }, 1000);
  pace.start();
  assert.equal(pace.waitMs(), 0, "the first block is due at once");
  for (let height = 1; height <= 10; height += 1) {
    nowMs += pace.waitMs() + 40;
    pace.onProposed("0x01", nowMs);
    pace.onProposed("0x01", nowMs + 30);
    nowMs += 60;
    pace.onCommitted("0x01");
  }
  assert.equal(nowMs + pace.waitMs(), 15_000, "ten blocks of a second each");
  nowMs += pace.waitMs() + 700;
  pace.onProposed("0x02", nowMs);
  pace.onCommitted("0x02");
  assert.equal(pace.waitMs(), 1000);
});
