import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { toFunctionSelector } from "viem";
import { refused } from "./testing/refused.ts";
import { FILES, OWNER, World } from "./testing/world.ts";

const declare = FILES.abi.find((item) => item.type === "function" && item.name === "declare");
const selector = toFunctionSelector(declare as Extract<typeof declare, { type: "function" }>);
/** Far above what honest calldata of this size takes. */
const TIME_MAX_MS = 2000;

function word(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

async function attempt(words: readonly bigint[]): Promise<void> {
  const { chain } = await World.create({ minerCount: 0, teeCount: 0 });
  const data: Hex = `${selector}${words.map(word).join("")}`;
  const startMs = performance.now();
  const call = chain.sendRaw(FILES.address, data, { from: OWNER.account });
  await assert.rejects(call, refused("CALLDATA_MALFORMED"));
  assert(performance.now() - startMs < TIME_MAX_MS, "malformed calldata is refused soon");
}

test("attack: a list that claims more items than there are bytes", async () => {
  for (const length of [2n ** 256n - 1n, 2n ** 64n, 2n ** 32n, 100n]) await attempt([32n, length]);
});

test("attack: offsets that point outside, and at themselves", async () => {
  await attempt([2n ** 255n]);
  await attempt([0n]);
  await attempt([32n, 1n, 2n ** 200n]);
});

test("attack: a hundred thousand items that share one tail", async () => {
  const count = 100_000;
  const heads = Array.from({ length: count }, () => BigInt(32 * count));
  const tail = [1n, 1n, 0n, 1n, 192n, 224n, 0n, 0n];
  await attempt([32n, BigInt(count), ...heads, ...tail]);
});
