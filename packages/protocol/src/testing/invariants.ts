/** What must hold of the modules' state after every call and block, computed from views alone. @module */
import assert from "node:assert/strict";
import { fragmentBlockCount, fragmentSizeBytes, segmentSizeBytes } from "@cess/erasure/layout";
import { profileById } from "@cess/params/profile";
import type { Hex } from "@cess/std/bytes";
import { MINERS_POOL_ADDRESS, MODULE_ADDRESSES } from "../addresses.ts";
import { ZERO_ADDRESS } from "../messages.ts";
import { countAuditBlocks, countUsedSlots } from "../modules/audit/slots.ts";
import { pool } from "../modules/miners/rewards.ts";
import { workers } from "../modules/tee/records.ts";
import { SEGMENT_ALL } from "../states.ts";
import { FILES, MINERS, TERRITORY, type World } from "./world.ts";

interface Tally {
  usedBytes: number;
  taggedBytes: number;
  blockCount: number;
  holdings: number;
}

interface Fragment {
  readonly miner: Hex;
  readonly tee: Hex;
  readonly sizeBytes: number;
}

export interface Known {
  readonly fids: readonly Hex[];
  readonly territories: readonly Hex[];
}

export async function checkInvariants(world: World, known: Known): Promise<void> {
  const tallies = new Map<Hex, Tally>();
  const charged = new Map<Hex, number>();
  const missing = new Set<string>();
  for (const fid of new Set(known.fids)) {
    if (!(await world.chain.view(FILES, "hasFile", [fid]))) continue;
    await tallyFile(world, fid, { tallies, charged, missing });
  }
  await checkOrders(world, { tallies, missing });
  await checkMiners(world, tallies);
  for (const id of new Set(known.territories)) {
    const { usedBytes } = await world.chain.view(TERRITORY, "territoryOf", [id]);
    assert.equal(Number(usedBytes), charged.get(id) ?? 0, "a territory is charged for its files");
  }
  await checkBalances(world);
}

interface Tallies {
  readonly tallies: Map<Hex, Tally>;
  readonly charged: Map<Hex, number>;
  readonly missing: Set<string>;
}

async function tallyFile(world: World, fid: Hex, into: Tallies): Promise<void> {
  const file = await world.chain.view(FILES, "fileOf", [fid]);
  const profile = profileById(file.profile);
  assert(profile !== undefined);
  const size = Number(file.sizeBytes);
  const count = Math.ceil(size / 2 ** 25);
  const sizes = Array.from({ length: count }, (_, segment) => {
    return fragmentSizeBytes(profile, segmentSizeBytes(size, segment));
  });
  const total = sizes.reduce((sum, next) => sum + next, 0) * file.holdings.length;
  for (const { territory } of file.owners) {
    into.charged.set(territory, (into.charged.get(territory) ?? 0) + total);
  }
  assert(file.owners.length > 0, "a file has an owner");
  for (const [column, holding] of file.holdings.entries()) {
    const own = file.overrides.filter((override) => override.column === column);
    for (const { segment, miner, tee } of own) {
      const sizeBytes = sizes[segment] as number;
      tallyHolding(into, `${fid}/${segment}/${column}`, [{ ...lower({ miner, tee }), sizeBytes }]);
    }
    const rest = sizes.filter((_, segment) => !own.some((other) => other.segment === segment));
    assert(rest.length > 0, "a column that is all exceptions belongs to nobody");
    const fragments = rest.map((sizeBytes) => ({ ...lower(holding), sizeBytes }));
    tallyHolding(into, `${fid}/${SEGMENT_ALL}/${column}`, fragments);
  }
}

function tallyHolding(into: Tallies, name: string, fragments: readonly Fragment[]): void {
  const { miner, tee } = fragments[0] as Fragment;
  if (miner === ZERO_ADDRESS) {
    into.missing.add(name);
    return;
  }
  const tally = tallyOf(into.tallies, miner);
  tally.holdings += 1;
  for (const { sizeBytes } of fragments) {
    tally.usedBytes += sizeBytes;
    if (tee === ZERO_ADDRESS) continue;
    tally.taggedBytes += sizeBytes;
    tally.blockCount += fragmentBlockCount(sizeBytes);
  }
}

async function checkOrders(
  world: World,
  { tallies, missing }: Pick<Tallies, "tallies" | "missing">,
): Promise<void> {
  const ordered = new Set<string>();
  for (let offset = 0n; ; ) {
    const [page, total] = await world.chain.view(FILES, "listOrders", [offset, 100n]);
    for (const { fid, segment, column, claimant } of page) {
      ordered.add(`${fid}/${segment}/${column}`);
      if (claimant === ZERO_ADDRESS) continue;
      const { sizeBytes } = await extentOf(world, { fid, segment, column });
      tallyOf(tallies, claimant.toLowerCase() as Hex).usedBytes += sizeBytes;
    }
    offset += BigInt(page.length);
    if (offset >= total) break;
  }
  assert.deepEqual([...ordered].sort(), [...missing].sort(), "an order for each missing fragment");
}

async function extentOf(
  world: World,
  place: { readonly fid: Hex; readonly segment: number; readonly column: number },
): Promise<{ readonly sizeBytes: number }> {
  const file = await world.chain.view(FILES, "fileOf", [place.fid]);
  const profile = profileById(file.profile);
  assert(profile !== undefined);
  const size = Number(file.sizeBytes);
  const excepted = new Set(
    file.overrides.filter(({ column }) => column === place.column).map(({ segment }) => segment),
  );
  let sizeBytes = 0;
  for (let segment = 0; segment < Math.ceil(size / 2 ** 25); segment += 1) {
    const isMeant =
      place.segment === SEGMENT_ALL ? !excepted.has(segment) : segment === place.segment;
    if (isMeant) sizeBytes += fragmentSizeBytes(profile, segmentSizeBytes(size, segment));
  }
  return { sizeBytes };
}

async function checkMiners(world: World, tallies: Map<Hex, Tally>): Promise<void> {
  const [listed] = await world.chain.view(MINERS, "listMiners", [0n, 100n]);
  const host = world.chain.host();
  const accounts = new Set<Hex>();
  for (const { account, usedBytes, taggedBytes, declaredBytes } of listed) {
    const miner = account.toLowerCase() as Hex;
    accounts.add(miner);
    const tally = tallyOf(tallies, miner);
    assert.equal(Number(usedBytes), tally.usedBytes, "used space is what is held and claimed");
    assert.equal(Number(taggedBytes), tally.taggedBytes, "tagged space is what is tagged");
    assert(usedBytes <= declaredBytes);
    assert.equal(await countAuditBlocks(host, miner), tally.blockCount, "the audit set's total");
    assert.equal(await countUsedSlots(host, miner), tally.holdings, "a slot for each holding");
  }
  for (const [miner, { holdings }] of tallies) {
    assert(holdings === 0 || accounts.has(miner), "a miner that left holds nothing");
  }
}

async function checkBalances(world: World): Promise<void> {
  const [listed] = await world.chain.view(MINERS, "listMiners", [0n, 100n]);
  const stakes = listed.reduce((sum, { stakeWei }) => sum + stakeWei, 0n);
  assert.equal(world.chain.balanceOf(MODULE_ADDRESSES.miners), stakes, "stakes are covered");
  let owed = 0n;
  for (const { account } of listed) owed += await world.chain.view(MINERS, "rewardOf", [account]);
  const { promisedWei, taggedBytes } = await pool.get(world.chain.host());
  const tagged = listed.reduce((sum, miner) => sum + Number(miner.taggedBytes), 0);
  assert.equal(taggedBytes, tagged, "rewards are for all that is tagged");
  assert(owed <= promisedWei, "what is owed was promised");
  assert(promisedWei <= world.chain.balanceOf(MINERS_POOL_ADDRESS), "promises are covered");
  let bonds = 0n;
  for (const { account } of world.tees) {
    bonds += (await workers.get(world.chain.host(), account))?.bondWei ?? 0n;
  }
  assert.equal(world.chain.balanceOf(MODULE_ADDRESSES.tee), bonds, "bonds are covered");
  for (const name of ["territory", "files", "audit", "gateways", "params"] as const) {
    assert.equal(world.chain.balanceOf(MODULE_ADDRESSES[name]), 0n, `nothing sticks to ${name}`);
  }
}

function tallyOf(tallies: Map<Hex, Tally>, miner: Hex): Tally {
  const known = tallies.get(miner);
  if (known !== undefined) return known;
  const fresh = { usedBytes: 0, taggedBytes: 0, blockCount: 0, holdings: 0 };
  tallies.set(miner, fresh);
  return fresh;
}

function lower({ miner, tee }: { readonly miner: Hex; readonly tee: Hex }): {
  miner: Hex;
  tee: Hex;
} {
  return { miner: miner.toLowerCase() as Hex, tee: tee.toLowerCase() as Hex };
}
