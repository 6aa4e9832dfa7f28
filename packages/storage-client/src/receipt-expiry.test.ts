import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@cess/runtime/node/system";
import { hasCode } from "@cess/std/error";
import { ReceiptExpiry } from "./receipt-expiry.ts";

const HOUR_MS = 3_600_000;

function fixture() {
  const chain = { height: 1000, isAway: false, asked: 0, nowMs: 0 };
  const expiry = new ReceiptExpiry({
    async height() {
      chain.asked += 1;
      if (chain.isAway) throw new RangeError("the chain is away");
      return chain.height;
    },
    unclaimedBlocks: 600,
    clock: { ...systemClock, nowMs: () => chain.nowMs },
  });
  return { chain, expiry };
}

test("receipts end a little before miners would refuse, at one request for many uploads", async () => {
  const { chain, expiry } = fixture();
  const all = await Promise.all(Array.from({ length: 50 }, () => expiry.next()));
  assert.deepEqual([...new Set(all)], [1570n]);
  assert.equal(chain.asked, 1);
  chain.height = 2000;
  chain.nowMs += HOUR_MS;
  assert.equal(await expiry.next(), 2570n);
  assert.equal(chain.asked, 2);
});

test("while the chain is away its last height stands; before it ever answered there is none", async () => {
  const { chain, expiry } = fixture();
  chain.isAway = true;
  await assert.rejects(expiry.next(), (cause) => hasCode(cause, "HEIGHT_UNKNOWN"));
  chain.isAway = false;
  assert.equal(await expiry.next(), 1570n);
  chain.isAway = true;
  chain.nowMs += HOUR_MS;
  assert.equal(await expiry.next(), 1570n);
});

test("receipts are good, then expiring in their last quarter, then expired", async () => {
  const { expiry } = fixture();
  const states = [1570n, 1150n, 1149n, 1004n, 1003n, 0n].map((block) => expiry.stateOf(block));
  const expected = ["good", "good", "expiring", "expiring", "expired", "expired"];
  assert.deepEqual(await Promise.all(states), expected);
});
