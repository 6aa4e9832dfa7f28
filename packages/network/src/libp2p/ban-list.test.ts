import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@cess/runtime/node/system";
import { BanList } from "./ban-list.ts";

test("a peer that floods invalid messages is banned for ten minutes, its neighbour is not", () => {
  let nowMs = 0;
  const bans = new BanList({ ...systemClock, nowMs: () => nowMs });
  const verdicts = Array.from({ length: 21 }, () => bans.onReject("flooder"));
  assert.deepEqual(verdicts, [...Array(20).fill(false), true]);
  assert(bans.isBanned("flooder"));
  assert(!bans.isBanned("neighbour"));
  nowMs += 10 * 60_000 + 1;
  assert(!bans.isBanned("flooder"));
});
