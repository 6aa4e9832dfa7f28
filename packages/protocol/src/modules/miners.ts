import { verifyPossession } from "@cess/crypto/bls";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { minersAbi } from "../abi/miners.ts";
import { MODULE_ADDRESSES } from "../addresses.ts";
import {
  ENDPOINT_BYTES_MAX,
  REGION_BYTES_MAX,
  requireBytes,
  requireSpace,
  requireText,
  requireTextOrNone,
  SPACE_BYTES_MAX,
} from "../checks.ts";
import { ModuleError, require } from "../error.ts";
import {
  type CallContext,
  defineModule,
  GAS,
  type Handlers,
  type ModuleDefinition,
  type ModuleHost,
} from "../module.ts";
import { MINER_STATE } from "../states.ts";
import { address, defineTable, hex } from "../storage.ts";
import { countOpenChallenges } from "./audit/open.ts";
import { countUsedSlots, forgetSlots } from "./audit/slots.ts";
import {
  emitMiners as emit,
  evictions,
  profiles,
  registered,
  requireStanding,
  stakeFor,
  standings,
} from "./miners/records.ts";
import { forgetReward, owedTo, payReward, promiseEra } from "./miners/rewards.ts";

/** Account by BLS key: a key that two miners shared would sign receipts twice over. */
const accountsByKey = defineTable({ module: "miners", name: "keys" }, hex(48), address);

const calls: Handlers<typeof minersAbi> = {
  async register(context, [blsPublicKey, blsProof, endpoint, region, declared]) {
    const { caller, value } = context;
    const declaredBytes = requireSpace(declared, MIB, "declared space");
    requireText(endpoint, ENDPOINT_BYTES_MAX, "endpoint");
    requireTextOrNone(region, REGION_BYTES_MAX, "region");
    const isNew = (await standings.get(context, caller)) === undefined;
    require(isNew, "ALREADY_EXISTS", "the account is a miner");
    await requireStake(context, value, declaredBytes);
    await requireKey(context, blsPublicKey, blsProof);
    const registeredBlock = Number(context.height);
    await accountsByKey.set(context, blsPublicKey, caller);
    await profiles.set(context, caller, { blsPublicKey, endpoint, region, registeredBlock });
    await standings.set(context, caller, {
      state: MINER_STATE.active,
      declaredBytes,
      usedBytes: 0,
      taggedBytes: 0,
      stakeWei: value,
      failuresInRow: 0,
      auditsPassed: 0,
      auditsFailed: 0,
      exitBlock: 0,
    });
    await registered.add(context, caller);
    emit(context, "Registered", { miner: caller, declaredBytes: declared, endpoint });
  },
  async update(context, [endpoint, region]) {
    requireText(endpoint, ENDPOINT_BYTES_MAX, "endpoint");
    requireTextOrNone(region, REGION_BYTES_MAX, "region");
    const profile = await profiles.get(context, context.caller);
    require(profile !== undefined, "NOT_FOUND", "the caller is no miner");
    await profiles.set(context, context.caller, { ...profile, endpoint, region });
    emit(context, "Updated", { miner: context.caller, endpoint, region });
  },
  async expand(context, [add]) {
    const standing = await requireStanding(context, context.caller);
    require(standing.state === MINER_STATE.active, "STATE_WRONG", "the miner is not active");
    const declaredBytes = standing.declaredBytes + requireSpace(add, MIB, "space");
    require(declaredBytes <= SPACE_BYTES_MAX, "ARGUMENT_INVALID", "more than a miner may declare");
    const stakeWei = standing.stakeWei + context.value;
    await requireStake(context, stakeWei, declaredBytes);
    await standings.set(context, context.caller, { ...standing, declaredBytes, stakeWei });
    const event = { miner: context.caller, declaredBytes: BigInt(declaredBytes) };
    emit(context, "Expanded", event);
  },
  async thaw(context) {
    const standing = await requireStanding(context, context.caller);
    require(standing.state === MINER_STATE.frozen, "STATE_WRONG", "the miner is not frozen");
    const stakeWei = standing.stakeWei + context.value;
    await requireStake(context, stakeWei, standing.declaredBytes);
    const state = MINER_STATE.active;
    const thawed = { ...standing, state, stakeWei, failuresInRow: 0 };
    await standings.set(context, context.caller, thawed);
    emit(context, "StateChanged", { miner: context.caller, state });
  },
  async beginExit(context) {
    const standing = await requireStanding(context, context.caller);
    require(standing.state !== MINER_STATE.exiting, "STATE_WRONG", "the exit has begun");
    const state = MINER_STATE.exiting;
    const exitBlock = Number(context.height);
    await standings.set(context, context.caller, { ...standing, state, exitBlock });
    await evictions.add(context, context.height + 1n, { miner: context.caller, slot: 0 });
    emit(context, "StateChanged", { miner: context.caller, state });
  },
  async withdraw(context) {
    const { caller } = context;
    const standing = await requireStanding(context, caller);
    require(standing.state === MINER_STATE.exiting, "STATE_WRONG", "the exit has not begun");
    const freeBlock = standing.exitBlock + context.spec.unbondingBlocks;
    require(context.height >= BigInt(freeBlock), "TOO_EARLY", `not before block ${freeBlock}`);
    const holdsNothing = standing.usedBytes === 0 && (await countUsedSlots(context, caller)) === 0;
    require(holdsNothing, "STATE_WRONG", "the miner still holds or restores fragments");
    const isFree = (await countOpenChallenges(context, caller)) === 0;
    require(isFree, "STATE_WRONG", "a challenge of the miner is open");
    const rewardWei = await payReward(context, caller, standing.taggedBytes);
    await closeRecord(context, caller);
    await context.transfer(MODULE_ADDRESSES.miners, caller, standing.stakeWei);
    emit(context, "RewardPaid", { miner: caller, amountWei: rewardWei });
    emit(context, "StateChanged", { miner: caller, state: MINER_STATE.exited });
    emit(context, "Withdrawn", { miner: caller, amountWei: standing.stakeWei });
  },
  async claimReward(context) {
    const { taggedBytes } = await requireStanding(context, context.caller);
    const amountWei = await payReward(context, context.caller, taggedBytes);
    emit(context, "RewardPaid", { miner: context.caller, amountWei });
  },
  async rewardOf(context, [account]) {
    const { taggedBytes } = await requireStanding(context, account);
    return owedTo(context, account, taggedBytes);
  },
  minerOf: (context, [account]) => viewMiner(context, account),
  async listMiners(context, [offset, count]) {
    const miners: Awaited<ReturnType<typeof viewMiner>>[] = [];
    for (const account of await registered.page(context, { offset, count })) {
      miners.push(await viewMiner(context, account));
    }
    return [miners, BigInt(await registered.count(context))];
  },
  async stakeFor(context, [declaredBytes]) {
    return stakeFor(context, requireSpace(declaredBytes, 0, "declared space"));
  },
};

export const miners: ModuleDefinition = defineModule("miners", minersAbi, {
  calls,
  beginBlock: promiseEra,
});

async function requireStake(
  context: CallContext,
  stakeWei: bigint,
  declaredBytes: number,
): Promise<void> {
  const needed = await stakeFor(context, declaredBytes);
  require(stakeWei >= needed, "PAYMENT_SHORT", `the stake must be ${needed} wei`);
}

async function requireKey(context: CallContext, publicKey: Hex, proof: Hex): Promise<void> {
  context.chargeGas(GAS.verifyBLS);
  const key = requireBytes(publicKey, 48, "BLS key");
  const isPossessed = verifyPossession(key, requireBytes(proof, 96, "BLS proof"));
  require(isPossessed, "SIGNATURE_INVALID", "no proof of possession of the BLS key");
  const holder = await accountsByKey.get(context, publicKey);
  require(holder === undefined, "ALREADY_EXISTS", "the BLS key is another miner's");
}

async function closeRecord(context: CallContext, account: Hex): Promise<void> {
  const profile = await profiles.get(context, account);
  if (profile !== undefined) await accountsByKey.delete(context, profile.blsPublicKey);
  await profiles.delete(context, account);
  await standings.delete(context, account);
  await registered.remove(context, account);
  await forgetSlots(context, account);
  await forgetReward(context, account);
}

async function viewMiner(host: ModuleHost, account: Hex) {
  const standing = await requireStanding(host, account);
  const profile = await profiles.get(host, account);
  if (profile === undefined) throw new ModuleError("NOT_FOUND", `no miner ${account}`);
  const { blsPublicKey, endpoint, region } = profile;
  const { state, stakeWei, failuresInRow } = standing;
  return {
    account,
    blsPublicKey,
    endpoint,
    region,
    state,
    declaredBytes: BigInt(standing.declaredBytes),
    usedBytes: BigInt(standing.usedBytes),
    taggedBytes: BigInt(standing.taggedBytes),
    stakeWei,
    failuresInRow,
    auditsPassed: BigInt(standing.auditsPassed),
    auditsFailed: BigInt(standing.auditsFailed),
    registeredBlock: BigInt(profile.registeredBlock),
  };
}
