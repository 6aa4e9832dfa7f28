/**
 * The miners' share of what territories cost, by tagged bytes: at the end of each era a part of the
 * pool is promised, so that one payment is paid out over many eras.
 *
 * An accumulator holds what one tagged byte has earned since the chain began. A miner's promise is
 * settled before its tagged bytes change, so no walk over miners is ever needed.
 * @module
 */
import { struct } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { MINERS_POOL_ADDRESS } from "../../addresses.ts";
import type { ModuleHost } from "../../module.ts";
import { address, type Cell, defineCell, defineTable, safe64, u256 } from "../../storage.ts";

interface Pool {
  /** Wei of one tagged byte since the first block, times 2^64. */
  readonly earnedPerByte: bigint;
  /** Of all miners. */
  readonly taggedBytes: number;
  /** Promised to miners and not paid yet. */
  readonly promisedWei: bigint;
}

interface Reward {
  /** The accumulator when the miner was last settled. */
  readonly settledPerByte: bigint;
  readonly owedWei: bigint;
}

/** Parts of the pool's free balance that one era promises: half of a payment is out in 19 eras. */
const ERA_SHARE = 28n;
const SCALE_BITS = 64n;
const NO_REWARD: Reward = { settledPerByte: 0n, owedWei: 0n };

export const pool: Cell<Pool> = defineCell(
  { module: "miners", name: "pool" },
  struct<Pool>({ earnedPerByte: u256, taggedBytes: safe64, promisedWei: u256 }),
  { earnedPerByte: 0n, taggedBytes: 0, promisedWei: 0n },
);
const rewards = defineTable(
  { module: "miners", name: "rewards" },
  address,
  struct<Reward>({ settledPerByte: u256, owedWei: u256 }),
);

/** Promises a part of the pool at the end of an era. Rounded down: the rest stays in the pool. */
export async function promiseEra(host: ModuleHost): Promise<void> {
  if (host.height % BigInt(host.spec.eraBlocks) !== 0n) return;
  const { earnedPerByte, taggedBytes, promisedWei } = await pool.get(host);
  if (taggedBytes === 0) return;
  const freeWei = (await host.getBalance(MINERS_POOL_ADDRESS)) - promisedWei;
  const perByte = ((freeWei / ERA_SHARE) << SCALE_BITS) / BigInt(taggedBytes);
  const paid = (perByte * BigInt(taggedBytes) + (1n << SCALE_BITS) - 1n) >> SCALE_BITS;
  const promised = { earnedPerByte: earnedPerByte + perByte, promisedWei: promisedWei + paid };
  await pool.set(host, { ...promised, taggedBytes });
}

/** Settles a miner whose tagged bytes are about to change. */
export async function settleReward(
  host: ModuleHost,
  miner: Hex,
  tagged: { readonly before: number; readonly after: number },
): Promise<void> {
  const state = await pool.get(host);
  const { earnedPerByte } = state;
  const owedWei = await owedTo(host, miner, tagged.before);
  await rewards.set(host, miner, { settledPerByte: earnedPerByte, owedWei });
  const taggedBytes = state.taggedBytes + tagged.after - tagged.before;
  await pool.set(host, { ...state, taggedBytes });
}

/** What a miner has earned and not been paid. */
export async function owedTo(host: ModuleHost, miner: Hex, taggedBytes: number): Promise<bigint> {
  const { earnedPerByte } = await pool.get(host);
  const { settledPerByte, owedWei } = (await rewards.get(host, miner)) ?? NO_REWARD;
  return owedWei + ((BigInt(taggedBytes) * (earnedPerByte - settledPerByte)) >> SCALE_BITS);
}

/** Pays a miner what it has earned. */
export async function payReward(
  host: ModuleHost,
  miner: Hex,
  taggedBytes: number,
): Promise<bigint> {
  const amountWei = await owedTo(host, miner, taggedBytes);
  const state = await pool.get(host);
  await rewards.set(host, miner, { settledPerByte: state.earnedPerByte, owedWei: 0n });
  await pool.set(host, { ...state, promisedWei: state.promisedWei - amountWei });
  await host.transfer(MINERS_POOL_ADDRESS, miner, amountWei);
  return amountWei;
}

/** Drops the record of a miner that was paid and holds nothing. */
export function forgetReward(host: ModuleHost, miner: Hex): Promise<void> {
  return rewards.delete(host, miner);
}
