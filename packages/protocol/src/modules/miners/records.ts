import assert from "node:assert/strict";
import { struct, text, u8, u32 } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { minersAbi } from "../../abi/miners.ts";
import { type AccountList, defineAccountList } from "../../account-list.ts";
import { MODULE_ADDRESSES, TREASURY_ADDRESS } from "../../addresses.ts";
import { ENDPOINT_BYTES_MAX, REGION_BYTES_MAX } from "../../checks.ts";
import { ModuleError, require } from "../../error.ts";
import { createEmit, type Emit } from "../../events.ts";
import type { ModuleHost } from "../../module.ts";
import { MINER_STATE } from "../../states.ts";
import {
  address,
  defineSchedule,
  defineTable,
  hex,
  pair,
  type Schedule,
  safe64,
  type Table,
  u256,
} from "../../storage.ts";
import { parameter } from "../parameters.ts";
import { settleReward } from "./rewards.ts";

/** What a miner says of itself; changes seldom. */
export interface MinerProfile {
  readonly blsPublicKey: Hex;
  readonly endpoint: string;
  readonly region: string;
  readonly registeredBlock: number;
}

/** What the chain counts of a miner; changes with every file. */
export interface MinerStanding {
  readonly state: number;
  readonly declaredBytes: number;
  /** Of columns and fragments held, and of restoral orders claimed. */
  readonly usedBytes: number;
  readonly taggedBytes: number;
  readonly stakeWei: bigint;
  readonly failuresInRow: number;
  readonly auditsPassed: number;
  readonly auditsFailed: number;
  /** When the exit began; 0 before. */
  readonly exitBlock: number;
}

export const profiles: Table<Hex, MinerProfile> = defineTable(
  { module: "miners", name: "profiles" },
  address,
  struct<MinerProfile>({
    blsPublicKey: hex(48),
    endpoint: text(ENDPOINT_BYTES_MAX),
    region: text(REGION_BYTES_MAX),
    registeredBlock: safe64,
  }),
);
export const standings: Table<Hex, MinerStanding> = defineTable(
  { module: "miners", name: "standings" },
  address,
  struct<MinerStanding>({
    state: u8,
    declaredBytes: safe64,
    usedBytes: safe64,
    taggedBytes: safe64,
    stakeWei: u256,
    failuresInRow: u32,
    auditsPassed: safe64,
    auditsFailed: safe64,
    exitBlock: safe64,
  }),
);
export const registered: AccountList = defineAccountList({ module: "miners", name: "registered" });

/** What a miner holds from this slot of its audit set on is to be taken from it. */
export interface Eviction {
  readonly miner: Hex;
  readonly slot: number;
}

const evictionCodec = pair(address, u32);
const evictionSchedule = defineSchedule({ module: "miners", name: "evictions" }, evictionCodec);
export const evictions: Schedule<Eviction> = {
  add: (host, block, { miner, slot }) => {
    return evictionSchedule.add(host, block, { left: miner, right: slot });
  },
  async takeDue(host, countMax) {
    const due = await evictionSchedule.takeDue(host, countMax);
    return due.map(({ left, right }) => ({ miner: left, slot: right }));
  },
};

export const emitMiners: Emit<typeof minersAbi> = createEmit("miners", minersAbi);
const PPM = 1_000_000n;
const TIB = 2n ** 40n;

export async function requireStanding(host: ModuleHost, account: Hex): Promise<MinerStanding> {
  const standing = await standings.get(host, account);
  if (standing === undefined) throw new ModuleError("NOT_FOUND", `no miner ${account}`);
  return standing;
}

/** Adds to what a miner uses and has tagged; either may be negative. */
export async function addSpace(
  host: ModuleHost,
  account: Hex,
  change: { readonly usedBytes: number; readonly taggedBytes: number },
): Promise<void> {
  const standing = await requireStanding(host, account);
  const usedBytes = standing.usedBytes + change.usedBytes;
  const taggedBytes = standing.taggedBytes + change.taggedBytes;
  assert(usedBytes >= 0 && taggedBytes >= 0, "a miner gave back more than it held");
  if (change.taggedBytes !== 0) {
    await settleReward(host, account, { before: standing.taggedBytes, after: taggedBytes });
  }
  await standings.set(host, account, { ...standing, usedBytes, taggedBytes });
}

/** Whether {@link reserveSpace} would find an active miner with that much space. */
export async function hasSpace(
  host: ModuleHost,
  account: Hex,
  sizeBytes: number,
): Promise<boolean> {
  const { state, usedBytes, declaredBytes } = await requireStanding(host, account);
  return state === MINER_STATE.active && usedBytes + sizeBytes <= declaredBytes;
}

/** Takes space of an active miner for a column or fragment. */
export async function reserveSpace(
  host: ModuleHost,
  account: Hex,
  sizeBytes: number,
): Promise<void> {
  const standing = await requireStanding(host, account);
  require(standing.state === MINER_STATE.active, "STATE_WRONG", `miner ${account} is not active`);
  const usedBytes = standing.usedBytes + sizeBytes;
  require(usedBytes <= standing.declaredBytes, "SPACE_SHORT", `miner ${account} has no space left`);
  await standings.set(host, account, { ...standing, usedBytes });
}

/** Rounded up. */
export async function stakeFor(host: ModuleHost, declaredBytes: number): Promise<bigint> {
  const perTiB = await parameter(host, "minerStakePerTiBWei");
  return (perTiB * BigInt(declaredBytes) + TIB - 1n) / TIB;
}

export async function notePassedAudit(host: ModuleHost, account: Hex): Promise<void> {
  const standing = await requireStanding(host, account);
  const auditsPassed = standing.auditsPassed + 1;
  await standings.set(host, account, { ...standing, failuresInRow: 0, auditsPassed });
}

/** Takes the penalty of one failure; the last of too many in a row freezes an active miner. */
export async function penalise(host: ModuleHost, account: Hex): Promise<void> {
  const standing = await requireStanding(host, account);
  const ppm = await parameter(host, "auditPenaltyPpm");
  const penaltyWei = (standing.stakeWei * ppm) / PPM;
  const failuresInRow = standing.failuresInRow + 1;
  const isFrozen =
    standing.state === MINER_STATE.active &&
    BigInt(failuresInRow) >= (await parameter(host, "auditFailuresMax"));
  await standings.set(host, account, {
    ...standing,
    state: isFrozen ? MINER_STATE.frozen : standing.state,
    stakeWei: standing.stakeWei - penaltyWei,
    failuresInRow,
    auditsFailed: standing.auditsFailed + 1,
  });
  await host.transfer(MODULE_ADDRESSES.miners, TREASURY_ADDRESS, penaltyWei);
  emitMiners(host, "Penalised", { miner: account, amountWei: penaltyWei });
  if (!isFrozen) return;
  emitMiners(host, "StateChanged", { miner: account, state: MINER_STATE.frozen });
  await evictions.add(host, host.height + 1n, { miner: account, slot: 0 });
}
