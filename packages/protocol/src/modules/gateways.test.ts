import assert from "node:assert/strict";
import { test } from "node:test";
import { RIGHTS } from "../states.ts";
import { refused } from "../testing/refused.ts";
import {
  buyTerritory,
  FILES,
  fidOf,
  GATEWAY,
  GATEWAYS,
  OWNER,
  STRANGER,
  World,
} from "../testing/world.ts";

const from = OWNER.account;
const gateway = GATEWAY.account;

function authorise(world: World, rights: number, expiryBlock = world.chain.height + 5n) {
  const args = [gateway, [world.territory], rights, expiryBlock] as const;
  return world.chain.send(GATEWAYS, "authorise", args, { from });
}

function declareAs(world: World, account: `0x${string}`, territory = world.territory) {
  const declared = world.declaration(fidOf("a"), { territory });
  return world.chain.send(FILES, "declare", [[declared]], { from: account });
}

test("a gateway does what its owner allows, until the expiry and not beyond", async () => {
  const world = await World.create();
  await assert.rejects(declareAs(world, gateway), refused("NOT_ALLOWED"));
  await authorise(world, RIGHTS.declare);
  await declareAs(world, gateway);
  const remove = () => {
    const args = [world.territory, [fidOf("a")]] as const;
    return world.chain.send(FILES, "remove", args, { from: gateway });
  };
  await assert.rejects(remove(), refused("NOT_ALLOWED"));
  await authorise(world, RIGHTS.declare | RIGHTS.remove);
  await world.chain.blocks(5);
  await remove();
  await world.chain.blocks();
  await assert.rejects(declareAs(world, gateway), refused("NOT_ALLOWED"));
});

test("attack: a revoked gateway declares", async () => {
  const world = await World.create();
  await authorise(world, RIGHTS.declare);
  await world.chain.send(GATEWAYS, "revoke", [gateway], { from });
  await assert.rejects(declareAs(world, gateway), refused("NOT_ALLOWED"));
});

test("attack: a stranger declares, or a gateway of one territory into another", async () => {
  const world = await World.create();
  await authorise(world, RIGHTS.declare);
  await assert.rejects(declareAs(world, STRANGER.account), refused("NOT_ALLOWED"));
  const other = await buyTerritory(world.chain, OWNER, "other");
  await assert.rejects(declareAs(world, gateway, other), refused("NOT_ALLOWED"));
});

test("attack: giving away a stranger's territory, eternal or past grants, rights that do not exist", async () => {
  const world = await World.create();
  const grant = (territories: `0x${string}`[], rights: number, expiryBlock: bigint) => {
    const args = [gateway, territories, rights, expiryBlock] as const;
    return world.chain.send(GATEWAYS, "authorise", args, { from });
  };
  const { height } = world.chain;
  const theirs = await buyTerritory(world.chain, STRANGER, "theirs");
  await assert.rejects(grant([theirs], RIGHTS.declare, height + 5n), refused("NOT_ALLOWED"));
  await assert.rejects(
    grant([world.territory], RIGHTS.declare, height),
    refused("ARGUMENT_INVALID"),
  );
  const eternal = grant([world.territory], RIGHTS.declare, 2n ** 64n - 1n);
  await assert.rejects(eternal, refused("ARGUMENT_INVALID"));
  await assert.rejects(grant([world.territory], 0, height + 5n), refused("ARGUMENT_INVALID"));
  await assert.rejects(grant([world.territory], 4, height + 5n), refused("ARGUMENT_INVALID"));
  await assert.rejects(grant([], RIGHTS.declare, height + 5n), refused("ARGUMENT_INVALID"));
  const many = Array.from({ length: 65 }, () => world.territory);
  await assert.rejects(grant(many, RIGHTS.declare, height + 5n), refused("ARGUMENT_INVALID"));
});

test("gateways enter and leave the directory", async () => {
  const world = await World.create();
  const { chain } = world;
  await chain.send(GATEWAYS, "register", ["https://gw", "EU"], { from: gateway });
  const [listed, total] = await chain.view(GATEWAYS, "listGateways", [0n, 10n]);
  assert.deepEqual([listed[0]?.endpoint, total], ["https://gw", 1n]);
  await chain.send(GATEWAYS, "leave", [], { from: gateway });
  assert.deepEqual((await chain.view(GATEWAYS, "gatewayOf", [gateway]))[1], false);
  await assert.rejects(chain.send(GATEWAYS, "leave", [], { from: gateway }), refused("NOT_FOUND"));
});
