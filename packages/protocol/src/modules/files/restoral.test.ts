import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { ZERO_ADDRESS } from "../../messages.ts";
import { CHALLENGE_PURPOSE, SEGMENT_ALL } from "../../states.ts";
import { refused } from "../../testing/refused.ts";
import { AUDIT, FILES, MINERS, OWNER, type TEEActor, World } from "../../testing/world.ts";

/** Periodic audits would open orders of their own. */
const UNAUDITED = { challengePeriodBlocks: 2 ** 40 };

interface Scene {
  readonly world: World;
  readonly fid: Hex;
  readonly segment: number;
  /** Held column 0 and lost what the order is for. */
  readonly origin: Hex;
  readonly helper: Hex;
}

async function createScene(segment: number = SEGMENT_ALL): Promise<Scene> {
  const world = await World.create({ minerCount: 14, teeCount: 1, spec: UNAUDITED });
  const fid = await world.declare("a", { sizeBytes: 40 * MIB });
  await world.tag(fid);
  const [origin, helper] = [world.miners[0]?.account as Hex, world.miners[12]?.account as Hex];
  await world.chain.send(FILES, "reportLost", [fid, segment, 0], { from: origin });
  return { world, fid, segment, origin, helper };
}

function claim({ world, fid, segment }: Scene, from: Hex): Promise<void> {
  return world.chain.send(FILES, "claimRestoral", [fid, segment, 0], { from });
}

async function complete({ world, fid, segment }: Scene, from: Hex, column = 0): Promise<bigint> {
  const report = world.report(world.tees[0] as TEEActor, from, [{ fid, segment, column }]);
  await world.chain.send(FILES, "completeRestoral", [report], { from });
  return (await world.chain.view(FILES, "orderOf", [fid, segment, column])).challengeId;
}

function usedBytesOf({ world }: Scene, account: Hex): Promise<bigint> {
  return world.chain.view(MINERS, "minerOf", [account]).then((miner) => miner.usedBytes);
}

for (const segment of [SEGMENT_ALL, 1]) {
  test(`a claimant that proves what it restored becomes the holder (segment ${segment})`, async () => {
    const scene = await createScene(segment);
    const { world, fid, helper, origin } = scene;
    await claim(scene, helper);
    const id = await complete(scene, helper);
    const challenge = await world.chain.view(AUDIT, "challengeOf", [id]);
    assert.equal(challenge.purpose, CHALLENGE_PURPOSE.restoral);
    const drawn = await world.chain.view(AUDIT, "samplesOf", [id]);
    const segments = new Set(drawn.map((sample) => sample.segment));
    assert.deepEqual([...segments].sort(), segment === SEGMENT_ALL ? [0, 1] : [1]);
    await world.prove(id);
    const { proofBlocks, verdictBlocks } = world.chain.spec;
    await world.chain.blocks(proofBlocks + verdictBlocks + 2);
    const { holdings, overrides } = await world.chain.view(FILES, "fileOf", [fid]);
    const isWhole = segment === SEGMENT_ALL;
    assert.equal(holdings[0]?.miner.toLowerCase(), isWhole ? helper : origin);
    assert.equal(overrides[0]?.miner.toLowerCase(), isWhole ? undefined : helper);
    assert.equal(await world.chain.view(FILES, "listOrders", [0n, 9n]).then(([, n]) => n), 0n);
    const { taggedBytes, usedBytes } = await world.chain.view(MINERS, "minerOf", [helper]);
    assert.equal(taggedBytes, usedBytes);
  });
}

test("attack: restoral claimed by a holder of the file in the grace period", async () => {
  const scene = await createScene();
  const holder = scene.world.miners[5]?.account as Hex;
  await assert.rejects(claim(scene, holder), refused("TOO_EARLY"));
  await scene.world.chain.blocks(scene.world.chain.spec.restoralGraceBlocks);
  await claim(scene, holder);
});

test("attack: two claimants, a claim of nothing, a claimant without space or that is leaving", async () => {
  const scene = await createScene();
  const { world, fid, helper } = scene;
  const other = world.miners[13]?.account as Hex;
  const none = world.chain.send(FILES, "claimRestoral", [fid, SEGMENT_ALL, 1], { from: helper });
  await assert.rejects(none, refused("NOT_FOUND"));
  await world.chain.send(MINERS, "beginExit", [], { from: other });
  await assert.rejects(claim(scene, other), refused("STATE_WRONG"));
  await claim(scene, helper);
  await assert.rejects(claim(scene, helper), refused("STATE_WRONG"));
  await assert.rejects(claim(scene, OWNER.account), refused("STATE_WRONG"));
});

test("attack: completion by another miner, of another place, twice, or too late", async () => {
  const scene = await createScene();
  const { world, helper } = scene;
  const other = world.miners[13]?.account as Hex;
  await claim(scene, helper);
  await assert.rejects(complete(scene, other), refused("NOT_ALLOWED"));
  await assert.rejects(complete(scene, helper, 1), refused("NOT_FOUND"));
  await complete(scene, helper);
  await assert.rejects(complete(scene, helper), refused("STATE_WRONG"));
});

test("attack: completion without a proof: the order is open again and the claimant is penalised", async () => {
  const scene = await createScene();
  const { world, fid, helper } = scene;
  await claim(scene, helper);
  await complete(scene, helper);
  await world.chain.blocks(world.chain.spec.proofBlocks + 1);
  const order = await world.chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 0]);
  assert.deepEqual([order.claimant, order.challengeId], [ZERO_ADDRESS, 0n]);
  assert.equal(await usedBytesOf(scene, helper), 0n);
  assert.equal((await world.chain.view(MINERS, "minerOf", [helper])).auditsFailed, 1n);
});

test("attack: a claim that is never completed", async () => {
  const scene = await createScene();
  const { world, fid, helper } = scene;
  await claim(scene, helper);
  assert((await usedBytesOf(scene, helper)) > 0n);
  await world.chain.blocks(world.chain.spec.restoralBlocks + 1);
  const order = await world.chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 0]);
  assert.equal(order.claimant, ZERO_ADDRESS);
  assert.equal(await usedBytesOf(scene, helper), 0n);
  assert.equal((await world.chain.view(MINERS, "minerOf", [helper])).auditsFailed, 1n);
  await assert.rejects(complete(scene, helper), refused("NOT_ALLOWED"));
});

test("a file that goes while it is restored takes its order and the reserved space along", async () => {
  const scene = await createScene();
  const { world, fid, helper } = scene;
  await claim(scene, helper);
  const id = await complete(scene, helper);
  await world.chain.send(FILES, "remove", [world.territory, [fid]], { from: OWNER.account });
  assert.equal(await usedBytesOf(scene, helper), 0n);
  await world.prove(id);
  await world.chain.blocks(30);
  assert.equal((await world.chain.view(MINERS, "minerOf", [helper])).usedBytes, 0n);
});
