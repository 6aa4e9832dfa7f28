import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { SEGMENT_ALL, TEE_ROLE } from "../../states.ts";
import { refused } from "../../testing/refused.ts";
import {
  FILES,
  MINERS,
  registerTEE,
  type TagReport,
  TEE,
  type TEEActor,
  teeActor,
  World,
} from "../../testing/world.ts";

interface Scene {
  readonly world: World;
  readonly fid: Hex;
  readonly miner: Hex;
  readonly tee: TEEActor;
}

async function createScene(): Promise<Scene> {
  const world = await World.create();
  const fid = await world.declare("a");
  const miner = (world.miners[0] as { account: Hex }).account;
  return { world, fid, miner, tee: world.tees[0] as TEEActor };
}

function send({ world }: Scene, report: TagReport, from: Hex): Promise<void> {
  return world.chain.send(FILES, "reportTags", [report], { from });
}

function itemOf({ fid }: Scene, column = 0): TagReport["items"][number] {
  return { fid, segment: SEGMENT_ALL, column };
}

test("a signed report puts a column into its holder's audit set, once", async () => {
  const scene = await createScene();
  const { world, tee, miner } = scene;
  const report = world.report(tee, miner, [itemOf(scene)]);
  await send(scene, report, miner);
  const { taggedBytes, usedBytes } = await world.chain.view(MINERS, "minerOf", [miner]);
  assert.equal(taggedBytes, usedBytes);
  await assert.rejects(send(scene, report, miner), refused("ALREADY_EXISTS"));
});

test("attack: a tag report by a retired worker, or one that only verifies", async () => {
  const scene = await createScene();
  const { world, tee, miner } = scene;
  const report = world.report(tee, miner, [itemOf(scene)]);
  await world.chain.send(TEE, "exit", [], { from: tee.account });
  await assert.rejects(send(scene, report, miner), refused("STATE_WRONG"));
  const verifier = teeActor(7);
  world.chain.fund(verifier.account, 10n ** 24n);
  await registerTEE(world.chain, verifier, TEE_ROLE.verifier);
  const other = world.report(verifier, miner, [itemOf(scene)]);
  await assert.rejects(send(scene, other, miner), refused("STATE_WRONG"));
});

test("attack: a tag report for another miner, sent by it or by the one it names", async () => {
  const scene = await createScene();
  const { world, tee, miner } = scene;
  const second = (world.miners[1] as { account: Hex }).account;
  const report = world.report(tee, miner, [itemOf(scene)]);
  await assert.rejects(send(scene, report, second), refused("NOT_ALLOWED"));
  await assert.rejects(
    send(scene, { ...report, miner: second }, second),
    refused("SIGNATURE_INVALID"),
  );
  const foreign = world.report(tee, miner, [itemOf(scene, 1)]);
  await assert.rejects(send(scene, foreign, miner), refused("NOT_ALLOWED"));
});

test("attack: an expired report, stretched items, another chain's or a stranger's signature", async () => {
  const scene = await createScene();
  const { world, tee, miner } = scene;
  const expiryBlock = world.chain.height + 1n;
  const report = world.report(tee, miner, [itemOf(scene)], { expiryBlock });
  await world.chain.blocks(2);
  await assert.rejects(send(scene, report, miner), refused("EXPIRED"));
  const prolonged = { ...report, expiryBlock: expiryBlock + 10n };
  await assert.rejects(send(scene, prolonged, miner), refused("SIGNATURE_INVALID"));
  const fresh = world.report(tee, miner, [itemOf(scene, 1)]);
  const stretched = { ...fresh, items: [itemOf(scene)] };
  await assert.rejects(send(scene, stretched, miner), refused("SIGNATURE_INVALID"));
  const stranger = { ...tee, signer: teeActor(9).signer };
  const forged = world.report(stranger, miner, [itemOf(scene)]);
  await assert.rejects(send(scene, forged, miner), refused("SIGNATURE_INVALID"));
});

test("attack: single segments of a column, no items, thousands of items, unknown files", async () => {
  const scene = await createScene();
  const { world, tee, miner } = scene;
  const attempt = (items: TagReport["items"]) =>
    send(scene, world.report(tee, miner, items), miner);
  const { fid } = scene;
  await assert.rejects(attempt([{ fid, segment: 0, column: 0 }]), refused("ARGUMENT_INVALID"));
  await assert.rejects(
    attempt([{ fid, segment: SEGMENT_ALL, column: 99 }]),
    refused("NOT_ALLOWED"),
  );
  await assert.rejects(attempt([]), refused("ARGUMENT_INVALID"));
  const many = Array.from({ length: 2000 }, () => itemOf(scene));
  await assert.rejects(attempt(many), refused("ARGUMENT_INVALID"));
  const unknown = { fid: `0x${"ab".repeat(32)}` as Hex, segment: SEGMENT_ALL, column: 0 };
  await assert.rejects(attempt([unknown]), refused("NOT_FOUND"));
  await assert.rejects(attempt([itemOf(scene), itemOf(scene)]), refused("ALREADY_EXISTS"));
});
