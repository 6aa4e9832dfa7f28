import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import fc from "fast-check";
import { ModuleError } from "./error.ts";
import { ZERO_ADDRESS } from "./messages.ts";
import { addSpace } from "./modules/miners/records.ts";
import { SEGMENT_ALL } from "./states.ts";
import { checkInvariants } from "./testing/invariants.ts";
import {
  AUDIT,
  buyTerritory,
  FILES,
  fidOf,
  MINERS,
  OWNER,
  registerMiner,
  type TEEActor,
  TERRITORY,
  World,
} from "./testing/world.ts";

const SIZES = [1, 10 * MIB, 33 * MIB, 100 * MIB];
const SPEC = {
  challengePeriodBlocks: 16,
  proofBlocks: 3,
  verdictBlocks: 3,
  restoralGraceBlocks: 3,
  restoralBlocks: 9,
  unbondingBlocks: 12,
  territoryGraceBlocks: 8,
  eraBlocks: 20,
  auditFailuresMax: 2,
  teeIdleBlocks: 120,
} as const;

interface Model {
  readonly world: World;
  readonly fids: Hex[];
  readonly territories: Hex[];
}

type Action = (model: Model, a: number, b: number, c: number) => Promise<unknown>;

const ACTIONS: Readonly<Record<string, Action>> = {
  async declare({ world, fids, territories }, a, b, c) {
    const fid = fidOf(`${a % 6}`);
    const count = world.miners.length;
    const placement = Array.from({ length: 12 }, (_, column) => {
      const isPlaced = column < 8 || ((c >> column) & 1) === 0;
      return isPlaced ? (world.miners[(b + column) % count]?.account as Hex) : ZERO_ADDRESS;
    });
    const sizeBytes = SIZES[a % SIZES.length] as number;
    const territory = pick(territories, c);
    const declared = world.declaration(fid, { sizeBytes, placement, territory });
    fids.push(fid);
    await world.chain.send(FILES, "declare", [[declared]], { from: OWNER.account });
  },
  async remove({ world, fids, territories }, a, b) {
    const args = [pick(territories, b), [pick(fids, a)]] as const;
    await world.chain.send(FILES, "remove", args, { from: OWNER.account });
  },
  tag: ({ world, fids }, a, b) => world.tag(pick(fids, a), pick<TEEActor>(world.tees, b)),
  async lose({ world, fids }, a, b, c) {
    const fid = pick(fids, a);
    const { holdings, overrides } = await world.chain.view(FILES, "fileOf", [fid]);
    const override = c % 3 === 0 ? overrides[b % (overrides.length || 1)] : undefined;
    const column = override?.column ?? b % holdings.length;
    const segment = override?.segment ?? (c % 2 === 0 ? SEGMENT_ALL : c % 4);
    const from = (override?.miner ?? holdings[column]?.miner) as Hex;
    await world.chain.send(FILES, "reportLost", [fid, segment, column], { from });
  },
  async claim({ world }, a, b) {
    const [orders] = await world.chain.view(FILES, "listOrders", [0n, 100n]);
    const { fid, segment, column } = pick(orders, a);
    const from = pick(world.miners, b).account;
    await world.chain.send(FILES, "claimRestoral", [fid, segment, column], { from });
  },
  async complete({ world }, a, b) {
    const [orders] = await world.chain.view(FILES, "listOrders", [0n, 100n]);
    const claimed = orders.filter((order) => order.claimant !== ZERO_ADDRESS);
    const { fid, segment, column, claimant } = pick(claimed, a);
    const from = claimant.toLowerCase() as Hex;
    const report = world.report(pick(world.tees, b), from, [{ fid, segment, column }]);
    await world.chain.send(FILES, "completeRestoral", [report], { from });
  },
  async prove({ world }, a) {
    for (const id of await openIds(world)) if ((a + Number(id)) % 5 !== 0) await world.prove(id);
  },
  async judge({ world }, a) {
    const [listed] = await world.chain.view(AUDIT, "listChallenges", [0n, 100n]);
    const { id } = pick(listed, a);
    await world.verdict(id, a % 4 !== 0);
  },
  async exit({ world }, a) {
    await world.chain.send(MINERS, "beginExit", [], { from: pick(world.miners, a).account });
  },
  async withdraw({ world }, a) {
    await world.chain.send(MINERS, "withdraw", [], { from: pick(world.miners, a).account });
  },
  async reward({ world }, a) {
    await world.chain.send(MINERS, "claimReward", [], { from: pick(world.miners, a).account });
  },
  async thaw({ world }, a) {
    const from = pick(world.miners, a).account;
    await world.chain.send(MINERS, "thaw", [], { from, value: 10n ** 21n });
  },
  register: ({ world }, a) => registerMiner(world.chain, pick(world.miners, a), 2 ** 36),
  async buy({ world, territories }, a) {
    territories.push(await buyTerritory(world.chain, OWNER, `t${a % 3}`, 2 ** 30));
  },
  async renew({ world, territories }, a) {
    const args = [pick(territories, a), 20n] as const;
    await world.chain.send(TERRITORY, "renew", args, { from: OWNER.account, value: 10n ** 21n });
  },
  blocks: ({ world }, a) => world.chain.blocks(1 + (a % 8)),
};

test("whatever happens, space, orders, audit sets and money add up", async () => {
  const names = Object.keys(ACTIONS);
  const weighted = [...names, "blocks", "blocks", "prove", "prove", "tag", "claim", "complete"];
  const step = fc.tuple(fc.constantFrom(...weighted), fc.nat(1000), fc.nat(1000), fc.nat(5000));
  const succeeded = new Set<string>();
  const done = { count: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
      const world = await World.create({ minerCount: 14, spec: SPEC });
      const model: Model = { world, fids: [], territories: [world.territory] };
      for (const [name, a, b, c] of steps) {
        if (await attempt(() => (ACTIONS[name] as Action)(model, a, b, c))) {
          succeeded.add(name);
        }
        done.count += 1;
        if (done.count % 4 === 0) await checkInvariants(world, model);
      }
      await checkInvariants(world, model);
    }),
    { numRuns: 12 },
  );
  for (const name of ["declare", "tag", "lose", "claim", "complete", "prove", "judge", "exit"]) {
    assert(succeeded.has(name), `no run could ${name}`);
  }
});

test("the invariants see a byte that is counted twice, and wei that are missing", async () => {
  const world = await World.create({ minerCount: 12, spec: SPEC });
  const known = { fids: [await world.declare("a")], territories: [world.territory] };
  await checkInvariants(world, known);
  const miner = world.miners[0]?.account as Hex;
  await addSpace(world.chain.host(), miner, { usedBytes: 1, taggedBytes: 0 });
  await assert.rejects(checkInvariants(world, known), /used space is what is held/);
  await addSpace(world.chain.host(), miner, { usedBytes: -1, taggedBytes: 0 });
  await world.chain.host().transfer(MINERS.address, OWNER.account, 1n);
  await assert.rejects(checkInvariants(world, known), /stakes are covered/);
});

/** Refusals are part of life; anything else is a fault. */
async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (cause) {
    if (cause instanceof ModuleError || cause instanceof NothingToPick) return false;
    throw cause;
  }
}

class NothingToPick extends RangeError {}

function pick<T>(from: readonly T[], index: number): T {
  const found = from[index % (from.length || 1)];
  if (found === undefined) throw new NothingToPick("nothing to act on");
  return found;
}

async function openIds(world: World): Promise<readonly bigint[]> {
  const [listed] = await world.chain.view(AUDIT, "listChallenges", [0n, 100n]);
  return listed.filter(({ state }) => state === 0).map(({ id }) => id);
}
