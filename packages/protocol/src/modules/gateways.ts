import { list, struct, text, u8 } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { gatewaysAbi } from "../abi/gateways.ts";
import { ENDPOINT_BYTES_MAX, REGION_BYTES_MAX, requireText, requireTextOrNone } from "../checks.ts";
import { require } from "../error.ts";
import { createEmit } from "../events.ts";
import { ZERO_ADDRESS } from "../messages.ts";
import { defineModule, type Handlers, type ModuleDefinition, type ModuleHost } from "../module.ts";
import { RIGHTS } from "../states.ts";
import {
  address,
  defineIndexedSet,
  defineTable,
  hash32,
  NO_GROUP,
  pair,
  safe64,
  unit,
} from "../storage.ts";
import { getTerritory } from "./territory/records.ts";

interface Entry {
  readonly endpoint: string;
  readonly region: string;
}

interface Grant {
  readonly territories: readonly Hex[];
  readonly rights: number;
  readonly expiryBlock: number;
}

const TERRITORIES_MAX = 64;
const RIGHTS_ALL = RIGHTS.declare | RIGHTS.remove;
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

const entries = defineTable(
  { module: "gateways", name: "entries" },
  address,
  struct<Entry>({ endpoint: text(ENDPOINT_BYTES_MAX), region: text(REGION_BYTES_MAX) }),
);
const directory = defineIndexedSet({ module: "gateways", name: "directory" }, unit, address);
/** By owner and gateway. */
const grants = defineTable(
  { module: "gateways", name: "grants" },
  pair(address, address),
  struct<Grant>({ territories: list(hash32, TERRITORIES_MAX), rights: u8, expiryBlock: safe64 }),
);
const emit = createEmit("gateways", gatewaysAbi);

const calls: Handlers<typeof gatewaysAbi> = {
  async register(context, [endpoint, region]) {
    requireText(endpoint, ENDPOINT_BYTES_MAX, "endpoint");
    requireTextOrNone(region, REGION_BYTES_MAX, "region");
    await entries.set(context, context.caller, { endpoint, region });
    await directory.add(context, NO_GROUP, context.caller);
    emit(context, "Registered", { gateway: context.caller, endpoint });
  },
  async leave(context) {
    const known = await entries.get(context, context.caller);
    require(known !== undefined, "NOT_FOUND", "not registered");
    await entries.delete(context, context.caller);
    await directory.remove(context, NO_GROUP, context.caller);
    emit(context, "Left", { gateway: context.caller });
  },
  async authorise(context, [gateway, territories, rights, expiryBlock]) {
    const owner = context.caller;
    const yearBlocks = BigInt(Math.floor(YEAR_MS / context.spec.blockMs));
    const isInTime = expiryBlock > context.height && expiryBlock <= context.height + yearBlocks;
    require(isInTime, "ARGUMENT_INVALID", "expiry: 1 block to 1 year ahead");
    require(rights > 0 && (rights & ~RIGHTS_ALL) === 0, "ARGUMENT_INVALID", "unknown rights");
    const count = territories.length;
    require(count > 0 && count <= TERRITORIES_MAX, "ARGUMENT_INVALID", "1 to 64 territories");
    for (const id of territories) {
      const isOwn = (await getTerritory(context, id))?.owner === owner;
      require(isOwn, "NOT_ALLOWED", `${id} is not a territory of the caller`);
    }
    const grant = { territories, rights, expiryBlock: Number(expiryBlock) };
    await grants.set(context, { left: owner, right: gateway }, grant);
    emit(context, "Authorised", { owner, gateway, rights, expiryBlock });
  },
  async revoke(context, [gateway]) {
    const key = { left: context.caller, right: gateway };
    require((await grants.get(context, key)) !== undefined, "NOT_FOUND", "not authorised");
    await grants.delete(context, key);
    emit(context, "Revoked", { owner: context.caller, gateway });
  },
  async gatewayOf(context, [account]) {
    const entry = await entries.get(context, account);
    if (entry === undefined) return [{ account: ZERO_ADDRESS, endpoint: "", region: "" }, false];
    return [{ account, ...entry }, true];
  },
  async listGateways(context, [offset, count]) {
    const accounts = await directory.page(context, NO_GROUP, { offset, count });
    const gateways: (Entry & { account: Hex })[] = [];
    for (const account of accounts) {
      const entry = await entries.get(context, account);
      if (entry !== undefined) gateways.push({ account, ...entry });
    }
    return [gateways, BigInt(await directory.count(context, NO_GROUP))];
  },
  async authorisationOf(context, [owner, gateway]) {
    const grant = await grants.get(context, { left: owner, right: gateway });
    const { territories, rights, expiryBlock } = grant ?? NO_GRANT;
    return { gateway, territories, rights, expiryBlock: BigInt(expiryBlock) };
  },
  isAuthorised: (context, [owner, gateway, territory, rights]) => {
    return isAuthorised(context, { owner, gateway, territory, rights });
  },
};

const NO_GRANT: Grant = { territories: [], rights: 0, expiryBlock: 0 };

export const gateways: ModuleDefinition = defineModule("gateways", gatewaysAbi, { calls });

export interface Access {
  readonly owner: Hex;
  readonly gateway: Hex;
  readonly territory: Hex;
  /** All of these bits are needed. */
  readonly rights: number;
}

/** Whether the owner lets the gateway do this now; the last block is that of the expiry. */
export async function isAuthorised(host: ModuleHost, access: Access): Promise<boolean> {
  const { owner, gateway, territory, rights } = access;
  const grant = await grants.get(host, { left: owner, right: gateway });
  if (grant === undefined || host.height > BigInt(grant.expiryBlock)) return false;
  return (grant.rights & rights) === rights && grant.territories.includes(territory);
}
