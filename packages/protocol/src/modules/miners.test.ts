import assert from "node:assert/strict";
import { test } from "node:test";
import { provePossession } from "@cess/crypto/bls";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CESS, MIB } from "@cess/std/units";
import { MINERS_POOL_ADDRESS } from "../addresses.ts";
import { MINER_STATE, SEGMENT_ALL } from "../states.ts";
import { refused } from "../testing/refused.ts";
import { FILES, fidOf, MINERS, minerActor, registerMiner, World } from "../testing/world.ts";

const UNAUDITED = { spec: { challengePeriodBlocks: 2 ** 40 } };

test("attack: a BLS key without proof of possession, another's key, a short stake, a wild size", async () => {
  const { chain, miners } = await World.create();
  const newcomer = minerActor(50);
  chain.fund(newcomer.account, 10n ** 30n);
  const own = bytesToHex(newcomer.bls.publicKey);
  const proof = bytesToHex(provePossession(newcomer.bls.secretKey));
  const register = (key: Hex, proof: Hex, bytes: bigint, value: bigint) => {
    const args = [key, proof, "http://m", "", bytes] as const;
    return chain.send(MINERS, "register", args, { from: newcomer.account, value });
  };
  const tib = 2n ** 40n;
  const theirs = miners[0]?.bls as { publicKey: Uint8Array; secretKey: Uint8Array };
  const theirKey = bytesToHex(theirs.publicKey);
  await assert.rejects(register(theirKey, proof, tib, 4000n * CESS), refused("SIGNATURE_INVALID"));
  const theirProof = bytesToHex(provePossession(theirs.secretKey));
  await assert.rejects(
    register(theirKey, theirProof, tib, 4000n * CESS),
    refused("ALREADY_EXISTS"),
  );
  await assert.rejects(register(own, proof, tib, 4000n * CESS - 1n), refused("PAYMENT_SHORT"));
  for (const bytes of [0n, BigInt(MIB) - 1n, 2n ** 64n - 1n]) {
    await assert.rejects(register(own, proof, bytes, 4000n * CESS), refused("ARGUMENT_INVALID"));
  }
  await register(own, proof, tib, 4000n * CESS);
  await assert.rejects(register(own, proof, tib, 4000n * CESS), refused("ALREADY_EXISTS"));
});

test("an exit orders the restoral of all that is held, pays the stake back, and lets one return", async () => {
  const world = await World.create(UNAUDITED);
  const { chain } = world;
  for (let count = 0; count < 40; count += 1) await world.declare(`f${count}`, { sizeBytes: 1000 });
  const miner = world.miners[0] as ReturnType<typeof minerActor>;
  const from = miner.account;
  await chain.send(MINERS, "beginExit", [], { from });
  await chain.blocks();
  const orders = async () => (await chain.view(FILES, "listOrders", [0n, 1n]))[1];
  assert((await orders()) < 40n, "holdings are taken a bounded number a block");
  await chain.blocks(3);
  assert.equal(await orders(), 40n);
  const { stakeWei } = await chain.view(MINERS, "minerOf", [from]);
  await assert.rejects(chain.send(MINERS, "withdraw", [], { from }), refused("TOO_EARLY"));
  await chain.blocks(chain.spec.unbondingBlocks);
  const before = chain.balanceOf(from);
  await chain.send(MINERS, "withdraw", [], { from });
  assert.equal(chain.balanceOf(from) - before, stakeWei);
  await registerMiner(chain, miner, 2 ** 30);
  const returned = await chain.view(MINERS, "minerOf", [from]);
  assert.deepEqual([returned.state, returned.usedBytes], [MINER_STATE.active, 0n]);
});

test("attack: an exit or a withdrawal is repeated", async () => {
  const world = await World.create(UNAUDITED);
  const { chain } = world;
  const from = world.miners[0]?.account as Hex;
  await assert.rejects(chain.send(MINERS, "withdraw", [], { from }), refused("STATE_WRONG"));
  await chain.send(MINERS, "beginExit", [], { from });
  await assert.rejects(chain.send(MINERS, "beginExit", [], { from }), refused("STATE_WRONG"));
  await chain.blocks(chain.spec.unbondingBlocks);
  await chain.send(MINERS, "withdraw", [], { from });
  await assert.rejects(chain.send(MINERS, "withdraw", [], { from }), refused("NOT_FOUND"));
});

test("attack: the stake is withdrawn while a claimed order is open", async () => {
  const world = await World.create({ ...UNAUDITED, minerCount: 13 });
  const { chain } = world;
  const fid = await world.declare("a");
  const [origin, helper] = [world.miners[0]?.account as Hex, world.miners[12]?.account as Hex];
  await chain.send(FILES, "reportLost", [fid, SEGMENT_ALL, 0], { from: origin });
  await chain.send(MINERS, "beginExit", [], { from: origin });
  await chain.send(FILES, "claimRestoral", [fid, SEGMENT_ALL, 0], { from: helper });
  await chain.send(MINERS, "beginExit", [], { from: helper });
  const report = world.report(world.tees[0] as (typeof world.tees)[0], helper, [
    { fid, segment: SEGMENT_ALL, column: 0 },
  ]);
  await chain.send(FILES, "completeRestoral", [report], { from: helper });
  const [id] = await chain
    .view(FILES, "orderOf", [fid, SEGMENT_ALL, 0])
    .then((o) => [o.challengeId]);
  await world.prove(id as bigint);
  await chain.blocks(chain.spec.proofBlocks + chain.spec.verdictBlocks + 15);
  const { claimant } = await chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 0]);
  assert.equal(BigInt(claimant), 0n, "who is leaving does not become a holder");
  await chain.blocks(chain.spec.unbondingBlocks);
  await chain.send(MINERS, "withdraw", [], { from: helper });
});

test("territory money reaches the miners by what they have tagged, and nobody twice", async () => {
  const world = await World.create({ spec: { ...UNAUDITED.spec, eraBlocks: 10 } });
  const { chain } = world;
  const funds = chain.balanceOf(MINERS_POOL_ADDRESS);
  await chain.blocks(20);
  assert.equal(chain.balanceOf(MINERS_POOL_ADDRESS), funds, "nobody has earned anything");
  await world.tag(await world.declare("a"));
  const [first, last] = [world.miners[0]?.account as Hex, world.miners[11]?.account as Hex];
  await chain.send(FILES, "reportLost", [fidOf("a"), SEGMENT_ALL, 11], { from: last });
  await chain.blocks(10);
  const owed = await chain.view(MINERS, "rewardOf", [first]);
  const share = funds / 28n / 11n;
  assert(owed <= share && owed >= share - 1n, `${owed} of ${share}`);
  assert.equal(await chain.view(MINERS, "rewardOf", [last]), 0n);
  const before = chain.balanceOf(first);
  await chain.send(MINERS, "claimReward", [], { from: first });
  await chain.send(MINERS, "claimReward", [], { from: first });
  assert.equal(chain.balanceOf(first) - before, owed);
});

test("expanding needs the stake for all of the space", async () => {
  const world = await World.create({ declaredBytes: 2 ** 40 });
  const from = world.miners[0]?.account as Hex;
  const expand = (value: bigint) => {
    return world.chain.send(MINERS, "expand", [2n ** 40n], { from, value });
  };
  await assert.rejects(expand(4000n * CESS - 1n), refused("PAYMENT_SHORT"));
  await expand(4000n * CESS);
  assert.equal((await world.chain.view(MINERS, "minerOf", [from])).declaredBytes, 2n ** 41n);
});
