import assert from "node:assert/strict";
import { test } from "node:test";
import { list, struct } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { parseAbi } from "viem";
import { createModuleSet, defineModule, type Handlers } from "./module.ts";
import { address, defineTable } from "./storage.ts";
import { MemoryChain, moduleAt } from "./testing/memory-host.ts";

interface Friends {
  readonly best: { readonly account: Hex };
  readonly others: readonly Hex[];
}

const abi = parseAbi([
  "function befriend(address[] others)",
  "function countOf(address who) view returns (uint256 count)",
  "function tamper(address who) view returns (uint256 count)",
]);
const friends = defineTable(
  { module: "params", name: "friends" },
  address,
  struct<Friends>({
    best: struct<{ account: Hex }>({ account: address }),
    others: list(address, 100),
  }),
);
const calls: Handlers<typeof abi> = {
  async befriend(context, [others]) {
    const best = { account: others[0] as Hex };
    await friends.set(context, context.caller, { best, others });
  },
  async countOf(context, [who]) {
    return BigInt((await friends.get(context, who))?.others.length ?? 0);
  },
  async tamper(context, [who]) {
    const found = (await friends.get(context, who)) as Friends;
    const target = context.caller === who ? found.others : found.best;
    Object.assign(target, { account: who, 0: context.caller });
    return 0n;
  },
};
const at = moduleAt("params", abi);
const USER: Hex = `0x${"d8".repeat(20)}`;
const OTHER: Hex = `0x${"0b".repeat(20)}`;

async function createChain(): Promise<MemoryChain> {
  const modules = createModuleSet([defineModule("params", abi, { calls })]);
  const alloc = [{ address: USER, balanceWei: 100n }];
  const genesis = { spec: "dev", timestampSeconds: 0n, alloc, validators: [] } as const;
  return MemoryChain.create({ modules, genesis: { ...genesis, timelock: USER } });
}

test("a read costs the same gas whether its record was read before or not", async () => {
  const chain = await createChain();
  await chain.send(at, "befriend", [Array<Hex>(50).fill(USER)], { from: USER });
  const spent: bigint[] = [];
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await chain.send(at, "countOf", [USER], { from: USER }), 50n);
    spent.push(chain.gasUsed);
  }
  assert(spent[0] !== undefined && spent[0] > 0n);
  assert.deepEqual(spent, Array(3).fill(spent[0]));
});

test("a record that changed is read anew", async () => {
  const chain = await createChain();
  for (const count of [1, 2, 1]) {
    await chain.send(at, "befriend", [Array<Hex>(count).fill(USER)], { from: USER });
    assert.equal(await chain.view(at, "countOf", [USER]), BigInt(count));
  }
});

test("attack: a handler that changes what it read fails, and the next reader sees the record", async () => {
  const chain = await createChain();
  await chain.send(at, "befriend", [[USER]], { from: USER });
  for (let round = 0; round < 2; round += 1) {
    for (const from of [USER, OTHER]) {
      await assert.rejects(chain.send(at, "tamper", [USER], { from }), TypeError);
    }
    assert.equal(await chain.view(at, "countOf", [USER]), 1n);
  }
});
