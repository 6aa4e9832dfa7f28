import { struct } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { GIB, MIB } from "@cess/std/units";
import { territoryAbi } from "../abi/territory.ts";
import { MINERS_POOL_ADDRESS, MODULE_ADDRESSES, TREASURY_ADDRESS } from "../addresses.ts";
import { NAME_BYTES_MAX, requireSpace, requireText, SPACE_BYTES_MAX } from "../checks.ts";
import { require } from "../error.ts";
import {
  type CallContext,
  defineModule,
  type Handlers,
  type ModuleDefinition,
  type ModuleHost,
} from "../module.ts";
import { TERRITORY_STATE } from "../states.ts";
import { address, defineIndexedSet, defineSchedule, hash32 } from "../storage.ts";
import { parameter } from "./parameters.ts";
import {
  emitTerritory as emit,
  getTerritory,
  requireTerritory,
  setTerritory,
  sweeps,
  type Territory,
  territoryId,
  territoryState,
} from "./territory/records.ts";

/** Most blocks of one purchase: far beyond a life, and every end stays a safe integer. */
const DURATION_BLOCKS_MAX = 2 ** 32;
const END_BLOCK_MAX = 2 ** 48;
const MINERS_PERCENT = 80n;
/** Ends of territories noted in one block. */
const ENDS_PER_BLOCK = 64;

const owned = defineIndexedSet(
  { module: "territory", name: "owned" },
  struct<{ owner: Hex }>({ owner: address }),
  hash32,
);
const ends = defineSchedule({ module: "territory", name: "ends" }, hash32);

const calls: Handlers<typeof territoryAbi> = {
  async buy(context, [name, size, duration]) {
    requireText(name, NAME_BYTES_MAX, "name");
    const totalBytes = requireSpace(size, MIB, "size");
    const durationBlocks = requireDuration(context, duration);
    const owner = context.caller;
    const id = territoryId(owner, name);
    const before = await getTerritory(context, id);
    const isSwept = before?.notedState === TERRITORY_STATE.expired && before.usedBytes === 0;
    require(before === undefined || isSwept, "ALREADY_EXISTS", "a territory of this name exists");
    await takePayment(context, await priceOf(context, totalBytes, durationBlocks));
    const startBlock = Number(context.height);
    const endBlock = startBlock + durationBlocks;
    const notedState = TERRITORY_STATE.active;
    const bought = { owner, name, totalBytes, usedBytes: 0, startBlock, endBlock, notedState };
    await setTerritory(context, id, bought);
    await owned.add(context, { owner }, id);
    await ends.add(context, BigInt(endBlock), id);
    emit(context, "Bought", { id, owner, name, totalBytes: size, endBlock: BigInt(endBlock) });
    return id;
  },
  async expand(context, [id, add]) {
    const addBytes = requireSpace(add, MIB, "size");
    const territory = await requireTerritory(context, id);
    const isActive = territoryState(context, territory) === TERRITORY_STATE.active;
    require(isActive, "STATE_WRONG", "the territory is not active");
    const totalBytes = territory.totalBytes + addBytes;
    require(totalBytes <= SPACE_BYTES_MAX, "ARGUMENT_INVALID", "the territory would be too large");
    const remaining = territory.endBlock - Number(context.height);
    await takePayment(context, await priceOf(context, addBytes, remaining));
    await setTerritory(context, id, { ...territory, totalBytes });
    emit(context, "Expanded", { id, totalBytes: BigInt(totalBytes) });
  },
  async renew(context, [id, add]) {
    const addBlocks = requireDuration(context, add);
    const territory = await requireTerritory(context, id);
    const isExpired = territory.notedState === TERRITORY_STATE.expired;
    require(!isExpired, "STATE_WRONG", "the territory has expired");
    const endBlock = Math.max(territory.endBlock, Number(context.height)) + addBlocks;
    require(endBlock <= END_BLOCK_MAX, "ARGUMENT_INVALID", "the end is too far ahead");
    await takePayment(context, await priceOf(context, territory.totalBytes, addBlocks));
    await setTerritory(context, id, { ...territory, endBlock, notedState: TERRITORY_STATE.active });
    await ends.add(context, BigInt(endBlock), id);
    emit(context, "Renewed", { id, endBlock: BigInt(endBlock) });
  },
  idOf: async (_context, [owner, name]) => territoryId(owner, name),
  async territoryOf(context, [id]) {
    return toView(context, id, await requireTerritory(context, id));
  },
  async listTerritories(context, [owner, offset, count]) {
    const found: ReturnType<typeof toView>[] = [];
    for (const id of await owned.page(context, { owner }, { offset, count })) {
      found.push(toView(context, id, await requireTerritory(context, id)));
    }
    return [found, BigInt(await owned.count(context, { owner }))];
  },
  async priceOf(context, [size, duration]) {
    return priceOf(context, requireSpace(size, 1, "size"), requireDuration(context, duration));
  },
};

export const territory: ModuleDefinition = defineModule("territory", territoryAbi, {
  calls,
  async beginBlock(host) {
    for (const id of await ends.takeDue(host, ENDS_PER_BLOCK)) await noteEnd(host, id);
  },
});

/** At the end of a territory, then of its grace period; it may have been renewed since. */
async function noteEnd(host: ModuleHost, id: Hex): Promise<void> {
  const territory = await getTerritory(host, id);
  if (territory === undefined || territory.notedState === TERRITORY_STATE.expired) return;
  const graceEnd = BigInt(territory.endBlock + host.spec.territoryGraceBlocks);
  if (host.height >= graceEnd) {
    await setTerritory(host, id, { ...territory, notedState: TERRITORY_STATE.expired });
    await sweeps.add(host, host.height + 1n, id);
    emit(host, "Expired", { id });
  } else if (
    host.height >= BigInt(territory.endBlock) &&
    territory.notedState === TERRITORY_STATE.active
  ) {
    await setTerritory(host, id, { ...territory, notedState: TERRITORY_STATE.frozen });
    await ends.add(host, graceEnd, id);
    emit(host, "Frozen", { id });
  }
}

function requireDuration(context: CallContext, blocks: bigint): number {
  const min = context.spec.eraBlocks;
  const fits = blocks >= BigInt(min) && blocks <= BigInt(DURATION_BLOCKS_MAX);
  require(fits, "ARGUMENT_INVALID", `duration: ${min} to ${DURATION_BLOCKS_MAX} blocks`);
  return Number(blocks);
}

/** Rounded up. */
async function priceOf(host: ModuleHost, sizeBytes: number, blocks: number): Promise<bigint> {
  const price = await parameter(host, "territoryPriceWei");
  const gib = BigInt(GIB);
  return (BigInt(sizeBytes) * BigInt(blocks) * price + gib - 1n) / gib;
}

/** Splits the price, the remainder of the division to the treasury, and returns what is over. */
async function takePayment(context: CallContext, priceWei: bigint): Promise<void> {
  const { caller, value } = context;
  require(value >= priceWei, "PAYMENT_SHORT", `the price is ${priceWei} wei`);
  const minersWei = (priceWei * MINERS_PERCENT) / 100n;
  const own = MODULE_ADDRESSES.territory;
  await context.transfer(own, MINERS_POOL_ADDRESS, minersWei);
  await context.transfer(own, TREASURY_ADDRESS, priceWei - minersWei);
  if (value > priceWei) await context.transfer(own, caller, value - priceWei);
}

function toView(host: ModuleHost, id: Hex, territory: Territory) {
  const { owner, name } = territory;
  return {
    id,
    owner,
    name,
    totalBytes: BigInt(territory.totalBytes),
    usedBytes: BigInt(territory.usedBytes),
    startBlock: BigInt(territory.startBlock),
    endBlock: BigInt(territory.endBlock),
    state: territoryState(host, territory),
  };
}
