import { bool, list, struct } from "@cess/codec/codec";
import { verifyPossession } from "@cess/crypto/bls";
import { VRF_PROOF_BYTES, verifyVRF } from "@cess/crypto/vrf";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { stakingAbi } from "../abi/staking.ts";
import { MODULE_ADDRESSES } from "../addresses.ts";
import { requireBytes } from "../checks.ts";
import { ModuleError, require } from "../error.ts";
import { createEmit } from "../events.ts";
import {
  defineModule,
  GAS,
  type Genesis,
  type Handlers,
  type ModuleDefinition,
  type ModuleHost,
} from "../module.ts";
import {
  address,
  defineCell,
  defineIndexedSet,
  defineTable,
  hex,
  NO_GROUP,
  safe64,
  u256,
  unit,
} from "../storage.ts";

interface Validator {
  readonly blsPublicKey: Hex;
  readonly vrfPublicKey: Hex;
  readonly bondedWei: bigint;
  readonly isJailed: boolean;
}

interface Unbonding {
  readonly amountWei: bigint;
  readonly unlockBlock: number;
}

const SEATS_MAX = 256;

const records = defineTable(
  { module: "staking", name: "validators" },
  address,
  struct<Validator>({
    blsPublicKey: hex(48),
    vrfPublicKey: hex(32),
    bondedWei: u256,
    isJailed: bool,
  }),
);
const all = defineIndexedSet({ module: "staking", name: "all" }, unit, address);
const accountsByKey = defineTable({ module: "staking", name: "keys" }, hex(48), address);
const unbondings = defineTable(
  { module: "staking", name: "unbondings" },
  address,
  struct<Unbonding>({ amountWei: u256, unlockBlock: safe64 }),
);
/** Accounts of the sitting committee, by seat. */
const seats = defineCell({ module: "staking", name: "seats" }, list(address, SEATS_MAX), []);
const emit = createEmit("staking", stakingAbi);

const calls: Handlers<typeof stakingAbi> = {
  async register(context, [blsPublicKey, blsProof, vrfPublicKey]) {
    const { caller: account, value: bondedWei } = context;
    context.chargeGas(GAS.verifyBLS);
    await addValidator(context, { account, bondedWei, blsPublicKey, blsProof, vrfPublicKey });
  },
  async bond(context) {
    const validator = await requireValidator(context, context.caller);
    const bondedWei = validator.bondedWei + context.value;
    requireBond(context, bondedWei);
    await records.set(context, context.caller, { ...validator, bondedWei });
    emit(context, "Bonded", { validator: context.caller, amountWei: context.value });
  },
  async unbond(context, [amountWei]) {
    const { caller } = context;
    const validator = await requireValidator(context, caller);
    const isWithin = amountWei > 0n && amountWei <= validator.bondedWei;
    require(isWithin, "ARGUMENT_INVALID", `${validator.bondedWei} wei are bonded`);
    const bondedWei = validator.bondedWei - amountWei;
    const isSitting = (await seats.get(context)).includes(caller);
    require(!isSitting || bondedWei > 0n, "STATE_WRONG", "a sitting validator stays bonded");
    if (bondedWei > 0n) requireBond(context, bondedWei);
    const unlockBlock = Number(context.height) + context.spec.unbondingBlocks;
    const waiting = (await unbondings.get(context, caller))?.amountWei ?? 0n;
    await unbondings.set(context, caller, { amountWei: waiting + amountWei, unlockBlock });
    await records.set(context, caller, { ...validator, bondedWei });
    const event = { validator: caller, amountWei, unlockBlock: BigInt(unlockBlock) };
    emit(context, "Unbonding", event);
  },
  async withdraw(context) {
    const { caller } = context;
    const unbonding = await unbondings.get(context, caller);
    require(unbonding !== undefined, "NOT_FOUND", "nothing is being unbonded");
    const { amountWei, unlockBlock } = unbonding;
    require(context.height >= BigInt(unlockBlock), "TOO_EARLY", `not before block ${unlockBlock}`);
    await unbondings.delete(context, caller);
    const validator = await requireValidator(context, caller);
    if (validator.bondedWei === 0n) await closeRecord(context, caller, validator);
    await context.transfer(MODULE_ADDRESSES.staking, caller, amountWei);
    emit(context, "Withdrawn", { validator: caller, amountWei });
  },
  validatorOf: (context, [account]) => viewValidator(context, account),
  async unbondingOf(context, [account]) {
    const unbonding = await unbondings.get(context, account);
    return [unbonding?.amountWei ?? 0n, BigInt(unbonding?.unlockBlock ?? 0)];
  },
  async listValidators(context, [offset, count]) {
    const accounts = await all.page(context, NO_GROUP, { offset, count });
    return [await viewAll(context, accounts), BigInt(await all.count(context, NO_GROUP))];
  },
  committee: async (context) => viewAll(context, await seats.get(context)),
};

export const staking: ModuleDefinition = defineModule("staking", stakingAbi, {
  calls,
  async genesis(host, genesis) {
    for (const validator of genesis.validators) await addGenesisValidator(host, validator);
    await seats.set(
      host,
      genesis.validators.map((validator) => validator.account),
    );
  },
});

interface NewValidator {
  readonly account: Hex;
  readonly blsPublicKey: Hex;
  readonly blsProof: Hex;
  readonly vrfPublicKey: Hex;
  readonly bondedWei: bigint;
}

async function addGenesisValidator(
  host: ModuleHost,
  validator: Genesis["validators"][number],
): Promise<void> {
  const { account, bondedWei } = validator;
  await host.transfer(account, MODULE_ADDRESSES.staking, bondedWei);
  await addValidator(host, {
    account,
    bondedWei,
    blsPublicKey: bytesToHex(validator.blsPublicKey),
    blsProof: bytesToHex(validator.blsProof),
    vrfPublicKey: bytesToHex(validator.vrfPublicKey),
  });
}

async function addValidator(host: ModuleHost, added: NewValidator): Promise<void> {
  const { account, blsPublicKey, vrfPublicKey, bondedWei } = added;
  const isNew = (await records.get(host, account)) === undefined;
  require(isNew, "ALREADY_EXISTS", "the account is a validator");
  requireBond(host, bondedWei);
  const key = requireBytes(blsPublicKey, 48, "BLS key");
  const proof = requireBytes(added.blsProof, 96, "BLS proof");
  require(verifyPossession(key, proof), "SIGNATURE_INVALID", "no proof of possession of the key");
  const holder = await accountsByKey.get(host, blsPublicKey);
  require(holder === undefined, "ALREADY_EXISTS", "the BLS key is another validator's");
  const isVRFKey = isVRFPublicKey(requireBytes(vrfPublicKey, 32, "VRF key"));
  require(isVRFKey, "ARGUMENT_INVALID", "not a VRF key");
  await accountsByKey.set(host, blsPublicKey, account);
  await records.set(host, account, { blsPublicKey, vrfPublicKey, bondedWei, isJailed: false });
  await all.add(host, NO_GROUP, account);
  emit(host, "Registered", { validator: account, bondedWei });
}

/** No proof verifies here, but a key that is none is told apart. */
function isVRFPublicKey(key: Uint8Array): boolean {
  try {
    verifyVRF(key, new Uint8Array(), new Uint8Array(VRF_PROOF_BYTES));
    return true;
  } catch (cause) {
    if (hasCode(cause, "KEY_INVALID")) return false;
    if (hasCode(cause, "PROOF_INVALID", "PROOF_MALFORMED")) return true;
    throw cause;
  }
}

async function closeRecord(host: ModuleHost, account: Hex, record: Validator): Promise<void> {
  await accountsByKey.delete(host, record.blsPublicKey);
  await records.delete(host, account);
  await all.remove(host, NO_GROUP, account);
}

function requireBond(host: ModuleHost, bondedWei: bigint): void {
  const min = host.spec.validatorBondWei;
  require(bondedWei >= min, "PAYMENT_SHORT", `the bond must be ${min} wei`);
}

async function requireValidator(host: ModuleHost, account: Hex): Promise<Validator> {
  const validator = await records.get(host, account);
  if (validator === undefined) throw new ModuleError("NOT_FOUND", `no validator ${account}`);
  return validator;
}

async function viewValidator(host: ModuleHost, account: Hex) {
  return { account, ...(await requireValidator(host, account)) };
}

async function viewAll(host: ModuleHost, accounts: readonly Hex[]) {
  const views: Awaited<ReturnType<typeof viewValidator>>[] = [];
  for (const account of accounts) views.push(await viewValidator(host, account));
  return views;
}
