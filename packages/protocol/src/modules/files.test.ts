import assert from "node:assert/strict";
import { test } from "node:test";
import { FILES, MINERS, OWNER, TERRITORY, World } from "../testing/world.ts";

test("a declaration places a file, charges its territory and its miners", async () => {
  const world = await World.create();
  const fid = await world.declare("a");
  const file = await world.chain.view(FILES, "fileOf", [fid]);
  assert.equal(file.holdings.length, 12);
  const { usedBytes } = await world.chain.view(TERRITORY, "territoryOf", [world.territory]);
  const miner = await world.chain.view(MINERS, "minerOf", [world.miners[0]!.account]);
  assert.equal(miner.usedBytes, 2_621_440n);
  assert.equal(usedBytes, 12n * miner.usedBytes);
});

test("all of life", async () => {
  const world = await World.create();
  const fid = await world.declare("a");
  await world.tag(fid);
  const id = await world.untilChallenged(world.miners[3]!.account);
  await world.prove(id);
  await world.verdict(id, true);
  await world.chain.blocks(2);
  const miner = await world.chain.view(MINERS, "minerOf", [world.miners[3]!.account]);
  assert.equal(miner.auditsPassed, 1n);
  await world.chain.send(FILES, "remove", [world.territory, [fid]], { from: OWNER.account });
  assert.equal(await world.chain.view(FILES, "hasFile", [fid]), false);
});
