import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "@cess/runtime/clock";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import type { ChainReader } from "./chain.ts";
import { createDirectory } from "./directory.ts";

const GATEWAY: Hex = `0x${"11".repeat(20)}`;

/** A chain whose only entry is a gateway, once it has registered. */
function createSmallChain() {
  const state = { isRegistered: false, readCount: 0 };
  const read = async (module: string) => {
    state.readCount += 1;
    await new Promise(setImmediate);
    const isHere = module === "gateways" && state.isRegistered;
    const gateway = { account: GATEWAY, endpoint: "http://127.0.0.1:1", region: "" };
    return isHere ? [[gateway], 1n] : [[], 0n];
  };
  return { state, chain: { read } as unknown as ChainReader };
}

test("all who ask about a new account at the same time learn of it", async () => {
  const { state, chain } = createSmallChain();
  const directory = createDirectory({ chain, clock: systemClock, log: silentLogger });
  await directory.refresh();
  const stale = directory.refresh();
  state.isRegistered = true;
  const answers = await Promise.all(Array.from({ length: 12 }, () => directory.rolesOf(GATEWAY)));
  await stale;
  assert.deepEqual(
    answers,
    Array.from({ length: 12 }, () => ["gateway"]),
  );
});

test("a stranger costs one reading of the chain in a while, however often it comes", async () => {
  const { state, chain } = createSmallChain();
  let nowMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const directory = createDirectory({ chain, clock, log: silentLogger });
  for (let index = 0; index < 50; index += 1) {
    assert.deepEqual(await directory.rolesOf(GATEWAY), []);
  }
  const once = state.readCount;
  assert.equal(once, 3, "one reading of three lists");
  nowMs += 10_000;
  await directory.rolesOf(GATEWAY);
  assert.equal(state.readCount, 2 * once);
});
