import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { encodeFunctionData } from "viem";
import { ZERO_ADDRESS } from "../messages.ts";
import { SEGMENT_ALL } from "../states.ts";
import { refused } from "../testing/refused.ts";
import {
  buyTerritory,
  type Declaration,
  FILES,
  fidOf,
  MINERS,
  minerActor,
  OWNER,
  STRANGER,
  type TEEActor,
  TERRITORY,
  World,
} from "../testing/world.ts";

const from = OWNER.account;

function send(world: World, declared: Declaration): Promise<void> {
  return world.chain.send(FILES, "declare", [[declared]], { from });
}

function accountsOf(world: World): Hex[] {
  return world.miners.map((miner) => miner.account);
}

async function usedBytesOf(world: World, miner: Hex): Promise<bigint> {
  return (await world.chain.view(MINERS, "minerOf", [miner])).usedBytes;
}

test("a declaration places a file, charges its territory and its miners; removal undoes it", async () => {
  const world = await World.create();
  const slots = world.chain.slotCount;
  const fid = await world.declare("a");
  const file = await world.chain.view(FILES, "fileOf", [fid]);
  assert.deepEqual(
    file.holdings.map((holding) => holding.miner.toLowerCase()),
    accountsOf(world),
  );
  const { usedBytes } = await world.chain.view(TERRITORY, "territoryOf", [world.territory]);
  const own = await usedBytesOf(world, accountsOf(world)[0] as Hex);
  assert.equal(own, 2_621_440n);
  assert.equal(usedBytes, 12n * own);
  await world.chain.send(FILES, "remove", [world.territory, [fid, fid]], { from });
  assert.equal(await usedBytesOf(world, accountsOf(world)[0] as Hex), 0n);
  assert.equal((await world.chain.view(TERRITORY, "territoryOf", [world.territory])).usedBytes, 0n);
  const left = world.chain.slotCount - slots;
  assert.equal(
    left,
    1 + 2 + 2 + 2 * 12,
    "what stays: the spent receipt and its end, the look at its tags, and of each miner two free records",
  );
});

test("a retried declaration and removal change nothing", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  await send(world, declared);
  await send(world, declared);
  const { usedBytes } = await world.chain.view(TERRITORY, "territoryOf", [world.territory]);
  assert.equal(usedBytes, 12n * 2_621_440n);
  const removal = [world.territory, [fidOf("a"), fidOf("unknown")]] as const;
  await world.chain.send(FILES, "remove", removal, { from });
  await world.chain.send(FILES, "remove", removal, { from });
});

test("a known file gains an owner without receipts, and stays until the last one leaves", async () => {
  const world = await World.create();
  const fid = await world.declare("a");
  const theirs = await buyTerritory(world.chain, STRANGER, "theirs");
  const known = {
    ...world.declaration(fid),
    territory: theirs,
    placement: [],
    signature: "0x" as Hex,
  };
  await world.chain.send(FILES, "declare", [[known]], { from: STRANGER.account });
  await world.chain.send(FILES, "remove", [world.territory, [fid]], { from });
  assert(await world.chain.view(FILES, "hasFile", [fid]), "a removal drops one owner alone");
  const resized = { ...known, sizeBytes: 5n, territory: world.territory };
  await assert.rejects(send(world, resized), refused("ARGUMENT_INVALID"));
  await world.chain.send(FILES, "remove", [theirs, [fid]], { from: STRANGER.account });
  assert.equal(await world.chain.view(FILES, "hasFile", [fid]), false);
});

test("attack: a forged receipt", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  const other = world.declaration(fidOf("b"));
  await assert.rejects(
    send(world, { ...declared, signature: other.signature }),
    refused("SIGNATURE_INVALID"),
  );
  const zero: Hex = `0x${"00".repeat(96)}`;
  await assert.rejects(send(world, { ...declared, signature: zero }), refused("SIGNATURE_INVALID"));
  await assert.rejects(send(world, { ...declared, signature: "0x" }), refused("ARGUMENT_INVALID"));
});

test("attack: receipts of another file, size, profile, expiry or placement", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  const swapped = declared.placement.toReversed();
  for (const changed of [
    { fid: fidOf("b") },
    { sizeBytes: declared.sizeBytes + 1n },
    { expiryBlock: declared.expiryBlock + 1n },
    { placement: swapped },
    { placement: declared.placement.with(11, ZERO_ADDRESS) },
    { profile: 1 },
  ]) {
    await assert.rejects(send(world, { ...declared, ...changed }), refused("SIGNATURE_INVALID"));
  }
});

test("attack: receipts of a closed file are declared again", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  await send(world, declared);
  await world.chain.send(FILES, "remove", [world.territory, [declared.fid]], { from });
  await assert.rejects(send(world, declared), refused("PLACEMENT_INVALID"));
  const placement = declared.placement.toReversed();
  await send(world, world.declaration(declared.fid, { placement }));
});

test("attack: a declaration is copied into another territory, to be removed there first", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  const theirs = await buyTerritory(world.chain, STRANGER, "theirs");
  const copied = { ...declared, territory: theirs };
  const copy = world.chain.send(FILES, "declare", [[copied]], { from: STRANGER.account });
  await assert.rejects(copy, refused("SIGNATURE_INVALID"));
  await send(world, declared);
  assert(await world.chain.view(FILES, "hasFile", [declared.fid]));
});

test("a file that another territory declared first, with receipts of its own, and removed", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  const theirs = await buyTerritory(world.chain, STRANGER, "theirs");
  const own = world.declaration(declared.fid, { territory: theirs });
  await world.chain.send(FILES, "declare", [[own]], { from: STRANGER.account });
  await world.chain.send(FILES, "remove", [theirs, [declared.fid]], { from: STRANGER.account });
  await send(world, declared);
  assert(await world.chain.view(FILES, "hasFile", [declared.fid]));
});

test("attack: receipts that expired, or that miners cannot have meant to keep for so long", async () => {
  const world = await World.create({ spec: { unclaimedBlocks: 100 } });
  const { height } = world.chain;
  const last = world.declaration(fidOf("a"), { expiryBlock: height + 20n });
  await world.chain.blocks(19);
  assert.equal(world.chain.height, height + 19n);
  const late = world.declaration(fidOf("b"), { expiryBlock: height + 18n });
  await assert.rejects(send(world, late), refused("RECEIPTS_EXPIRED"));
  const far = world.declaration(fidOf("b"), { expiryBlock: world.chain.height + 102n });
  await assert.rejects(send(world, far), refused("ARGUMENT_INVALID"));
  await send(world, last);
  await world.chain.blocks(10);
  // It is declared: to say so again is no error, however late.
  await send(world, last);
});

test("attack: after a file is closed and its receipts expired, they are declared again", async () => {
  const world = await World.create();
  const slots = world.chain.slotCount;
  const expiryBlock = world.chain.height + 30n;
  const declared = world.declaration(fidOf("a"), { expiryBlock });
  await send(world, declared);
  await world.chain.send(FILES, "remove", [world.territory, [declared.fid]], { from });
  while (world.chain.height < expiryBlock) {
    await assert.rejects(send(world, declared), refused("PLACEMENT_INVALID"));
    await world.chain.blocks();
  }
  await world.chain.blocks(2);
  await assert.rejects(send(world, declared), refused("RECEIPTS_EXPIRED"));
  const left = world.chain.slotCount - slots;
  assert.equal(left, 2 + 2 * 12, "nothing is kept of receipts that expired");
});

test("attack: too few columns, one miner twice, strangers, too many columns", async () => {
  const world = await World.create();
  const accounts = accountsOf(world);
  const place = (placement: readonly Hex[]) => {
    return send(world, { ...world.declaration(fidOf("a")), placement });
  };
  const few = accounts.map((account, index) => (index < 7 ? account : ZERO_ADDRESS));
  await assert.rejects(place(few), refused("PLACEMENT_INVALID"));
  await assert.rejects(place(accounts.with(1, accounts[0] as Hex)), refused("PLACEMENT_INVALID"));
  await assert.rejects(place(accounts.with(1, STRANGER.account)), refused("PLACEMENT_INVALID"));
  await assert.rejects(place([...accounts, ZERO_ADDRESS]), refused("PLACEMENT_INVALID"));
  await assert.rejects(
    place(Array.from({ length: 5000 }, () => ZERO_ADDRESS)),
    refused("PLACEMENT_INVALID"),
  );
});

test("attack: sizes out of range, an unknown profile, empty and overlong batches", async () => {
  const world = await World.create();
  const declared = world.declaration(fidOf("a"));
  for (const sizeBytes of [0n, 1000n * 2n ** 25n + 1n, 2n ** 53n, 2n ** 64n - 1n]) {
    await assert.rejects(send(world, { ...declared, sizeBytes }), refused("ARGUMENT_INVALID"));
  }
  await assert.rejects(send(world, { ...declared, profile: 9 }), refused("ARGUMENT_INVALID"));
  const batch = (count: number) => {
    const declarations = Array.from({ length: count }, () => declared);
    return world.chain.send(FILES, "declare", [declarations], { from });
  };
  await assert.rejects(batch(0), refused("ARGUMENT_INVALID"));
  await assert.rejects(batch(65), refused("ARGUMENT_INVALID"));
  await batch(64);
});

test("attack: more than the territory or the miners have room for", async () => {
  const world = await World.create({ declaredBytes: 3 * MIB });
  await world.declare("a");
  await assert.rejects(world.declare("b"), refused("SPACE_SHORT"));
  const small = await buyTerritory(world.chain, OWNER, "small", MIB);
  await assert.rejects(world.declare("c", { territory: small }), refused("SPACE_SHORT"));
});

test("miners that left or filled up since their receipts cost their columns, not the file", async () => {
  const world = await World.create({ minerCount: 16, declaredBytes: 4 * MIB });
  const accounts = accountsOf(world);
  await world.declare("fills twelve of sixteen", { placement: accounts.slice(0, 12) });
  const few = accounts.slice(1, 13);
  await assert.rejects(world.declare("too few", { placement: few }), refused("SPACE_SHORT"));
  const placement = accounts.slice(4);
  const leaving = accounts[15] as Hex;
  await world.chain.send(MINERS, "beginExit", [], { from: leaving });
  await assert.rejects(world.declare("three", { placement }), refused("SPACE_SHORT"));
  const fid = await world.declare("small", { placement, sizeBytes: 5 * MIB });
  const { holdings } = await world.chain.view(FILES, "fileOf", [fid]);
  const missing = holdings.flatMap(({ miner }, column) => (miner === ZERO_ADDRESS ? [column] : []));
  assert.deepEqual(missing, [11]);
  const order = await world.chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 11]);
  assert.equal(order.claimant, ZERO_ADDRESS);
  assert.equal(await usedBytesOf(world, leaving), 0n);
});

for (const untagged of [1, 6]) {
  test(`attack: ${untagged} miners that never have their column tagged lose it`, async () => {
    const spec = { unclaimedBlocks: 100, challengePeriodBlocks: 2 ** 40 };
    const world = await World.create({ spec });
    const fid = await world.declare("a");
    const count = async () => {
      const { holdings } = await world.chain.view(FILES, "fileOf", [fid]);
      return holdings.filter(({ miner }) => miner === ZERO_ADDRESS).length;
    };
    await world.chain.blocks(2 * spec.unclaimedBlocks);
    assert.equal(await count(), 0, "without any tags it is the workers that are missing");
    const late = accountsOf(world).slice(0, untagged);
    const { holdings } = await world.chain.view(FILES, "fileOf", [fid]);
    for (const [column, holding] of holdings.entries()) {
      const miner = holding.miner.toLowerCase() as Hex;
      if (late.includes(miner)) continue;
      const report = world.report(world.tees[0] as TEEActor, miner, [
        { fid, segment: SEGMENT_ALL, column },
      ]);
      await world.chain.send(FILES, "reportTags", [report], { from: miner });
    }
    await world.chain.blocks(spec.unclaimedBlocks + 1);
    assert.equal(await count(), Math.min(untagged, 4), "eight stay held until some are restored");
    assert.equal(await usedBytesOf(world, late[0] as Hex), 0n);
  });
}

test("a column that was not placed has an order at once", async () => {
  const world = await World.create();
  const placement = accountsOf(world).with(2, ZERO_ADDRESS);
  const fid = await world.declare("a", { placement });
  const [orders, total] = await world.chain.view(FILES, "listOrders", [0n, 10n]);
  assert.equal(total, 1n);
  const [order] = orders;
  assert.deepEqual([order?.fid, order?.segment, order?.column], [fid, SEGMENT_ALL, 2]);
});

test("a lost segment leaves the column's holder the rest; 65 of them cost the column", async () => {
  const world = await World.create();
  const sizeBytes = 70 * 32 * MIB;
  const fid = await world.declare("a", { sizeBytes });
  const miner = accountsOf(world)[0] as Hex;
  const lose = (segment: number) => {
    return world.chain.send(FILES, "reportLost", [fid, segment, 0], { from: miner });
  };
  const before = await usedBytesOf(world, miner);
  await lose(3);
  assert.equal(before - (await usedBytesOf(world, miner)), BigInt(8 * MIB));
  await assert.rejects(lose(3), refused("NOT_ALLOWED"));
  for (let segment = 4; segment < 67; segment += 1) await lose(segment);
  assert.equal((await world.chain.view(FILES, "fileOf", [fid])).overrides.length, 64);
  await lose(67);
  const { holdings, overrides } = await world.chain.view(FILES, "fileOf", [fid]);
  assert.deepEqual([holdings[0]?.miner, overrides.length], [ZERO_ADDRESS, 64]);
  assert.equal(await usedBytesOf(world, miner), 0n);
});

test("attack: reporting another miner's fragment as lost, or one that is not", async () => {
  const world = await World.create();
  const fid = await world.declare("a");
  const [first, second] = accountsOf(world) as [Hex, Hex];
  const lose = (segment: number, column: number, account: Hex) => {
    return world.chain.send(FILES, "reportLost", [fid, segment, column], { from: account });
  };
  await assert.rejects(lose(SEGMENT_ALL, 0, second), refused("NOT_ALLOWED"));
  await assert.rejects(lose(1, 0, first), refused("NOT_ALLOWED"));
  await assert.rejects(lose(0, 200, first), refused("NOT_ALLOWED"));
  await assert.rejects(lose(0, 200, ZERO_ADDRESS), refused("NOT_ALLOWED"));
});

test("a view of a miner that does not exist is refused", async () => {
  const world = await World.create();
  const unknown = world.chain.view(MINERS, "minerOf", [minerActor(99).account]);
  await assert.rejects(unknown, refused("NOT_FOUND"));
});

test("a whole batch of declarations fits into one transaction (EIP-7825)", async () => {
  const world = await World.create();
  const batch = Array.from({ length: 64 }, (_, index) => world.declaration(fidOf(`${index}`)));
  await world.chain.send(FILES, "declare", [batch], { from: OWNER.account });
  const data = encodeFunctionData({ abi: FILES.abi, functionName: "declare", args: [batch] });
  const intrinsicGas = 21_000n + 16n * BigInt(data.length / 2 - 1);
  const entryGas = 1000n + 2n * BigInt(data.length / 2 - 1);
  const gas = intrinsicGas + entryGas + world.chain.gasUsed;
  assert(gas < 2n ** 24n, `${gas}`);
});
