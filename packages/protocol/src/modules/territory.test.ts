import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB } from "@cess/std/units";
import { MINERS_POOL_ADDRESS, TREASURY_ADDRESS } from "../addresses.ts";
import { TERRITORY_STATE } from "../states.ts";
import { refused } from "../testing/refused.ts";
import {
  buyTerritory,
  FILES,
  FUNDS,
  fidOf,
  OWNER,
  STRANGER,
  TERRITORY,
  World,
} from "../testing/world.ts";

const from = OWNER.account;
const SHORT = { spec: { eraBlocks: 10, territoryGraceBlocks: 5 } };

test("the price is rounded up, split between miners and treasury, and change is given", async () => {
  const world = await World.create();
  const { chain } = world;
  const before = [chain.balanceOf(MINERS_POOL_ADDRESS), chain.balanceOf(TREASURY_ADDRESS)] as const;
  const duration = BigInt(chain.spec.eraBlocks);
  const price = await chain.view(TERRITORY, "priceOf", [2n ** 20n + 1n, duration]);
  const exact = (2n ** 20n + 1n) * duration * chain.spec.territoryPriceWei;
  assert.equal(price, (exact + BigInt(GIB) - 1n) / BigInt(GIB));
  const owned = chain.balanceOf(from);
  await chain.send(TERRITORY, "buy", ["x", 2n ** 20n + 1n, duration], { from, value: price + 5n });
  assert.equal(chain.balanceOf(from), owned - price);
  assert.equal(chain.balanceOf(MINERS_POOL_ADDRESS) - before[0], (price * 80n) / 100n);
  assert.equal(chain.balanceOf(TREASURY_ADDRESS) - before[1], price - (price * 80n) / 100n);
});

test("attack: zero durations, tiny, huge and overflowing sizes, a short payment", async () => {
  const world = await World.create();
  const buy = (size: bigint, duration: bigint, value = FUNDS / 2n) => {
    return world.chain.send(TERRITORY, "buy", ["x", size, duration], { from, value });
  };
  const size = 2n ** 30n;
  await assert.rejects(buy(size, 0n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(size, 119n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(size, 2n ** 64n - 1n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(0n, 120n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(2n ** 20n - 1n, 120n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(2n ** 64n - 1n, 120n), refused("ARGUMENT_INVALID"));
  await assert.rejects(buy(size, 120n, 1n), refused("PAYMENT_SHORT"));
  const expand = world.chain.send(TERRITORY, "expand", [world.territory, 2n ** 64n - 1n], { from });
  await assert.rejects(expand, refused("ARGUMENT_INVALID"));
  const renew = world.chain.send(TERRITORY, "renew", [world.territory, 0n], { from });
  await assert.rejects(renew, refused("ARGUMENT_INVALID"));
});

test("attack: a second territory of the same name; another owner's name is free", async () => {
  const world = await World.create();
  await assert.rejects(buyTerritory(world.chain, OWNER, "home"), refused("ALREADY_EXISTS"));
  const other = await buyTerritory(world.chain, STRANGER, "home");
  assert.notEqual(other, world.territory);
});

test("a territory freezes at its end, expires after its grace, and its files go with it", async () => {
  const world = await World.create(SHORT);
  const { chain } = world;
  const duration = 10n;
  const value = FUNDS / 4n;
  const id = await chain.send(TERRITORY, "buy", ["brief", 2n ** 30n, duration], { from, value });
  const fids: `0x${string}`[] = [];
  for (const name of ["a", "b", "c"]) fids.push(await world.declare(name, { territory: id }));
  const shared = fids[0] as `0x${string}`;
  await world.declare("a");
  await chain.blocks(10);
  assert.equal((await chain.view(TERRITORY, "territoryOf", [id])).state, TERRITORY_STATE.frozen);
  await assert.rejects(world.declare("d", { territory: id }), refused("STATE_WRONG"));
  assert(await chain.view(FILES, "hasFile", [shared]));
  await chain.blocks(8);
  const expired = await chain.view(TERRITORY, "territoryOf", [id]);
  assert.deepEqual([expired.state, expired.usedBytes], [TERRITORY_STATE.expired, 0n]);
  const left = await Promise.all(fids.map((fid) => chain.view(FILES, "hasFile", [fid])));
  assert.deepEqual(left, [true, false, false], "another owner's file stays");
  assert.equal((await chain.view(FILES, "fileOf", [shared])).owners.length, 1);
});

test("renewing in the grace period reactivates; after expiry it is refused, buying anew is not", async () => {
  const world = await World.create(SHORT);
  const { chain } = world;
  const value = FUNDS / 100n;
  const id = await chain.send(TERRITORY, "buy", ["brief", 2n ** 30n, 10n], { from, value });
  await chain.blocks(12);
  await chain.send(TERRITORY, "renew", [id, 10n], { from, value });
  const renewed = await chain.view(TERRITORY, "territoryOf", [id]);
  assert.deepEqual([renewed.state, renewed.endBlock], [TERRITORY_STATE.active, chain.height + 10n]);
  await world.declare("a", { territory: id });
  await chain.blocks(14);
  assert(await chain.view(FILES, "hasFile", [fidOf("a")]), "the old end is forgotten");
  await chain.blocks(4);
  const late = chain.send(TERRITORY, "renew", [id, 10n], { from, value });
  await assert.rejects(late, refused("STATE_WRONG"));
  await chain.send(TERRITORY, "buy", ["brief", 2n ** 30n, 10n], { from, value });
  await world.declare("b", { territory: id });
  await chain.blocks(2);
  assert(await chain.view(FILES, "hasFile", [fidOf("b")]), "the old sweep does not reach it");
});

test("expanding costs for the time that is left", async () => {
  const world = await World.create();
  const { chain } = world;
  const { endBlock } = await chain.view(TERRITORY, "territoryOf", [world.territory]);
  await chain.blocks(100);
  const before = chain.balanceOf(from);
  const args = [world.territory, 2n ** 30n] as const;
  await chain.send(TERRITORY, "expand", args, { from, value: FUNDS / 2n });
  const remaining = endBlock - chain.height;
  assert.equal(before - chain.balanceOf(from), remaining * chain.spec.territoryPriceWei);
});
