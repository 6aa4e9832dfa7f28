import { hash } from "node:crypto";
import { type Codec, struct, text, u8 } from "@cess/codec/codec";
import { bytesToHex, concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { territoryAbi } from "../../abi/territory.ts";
import { NAME_BYTES_MAX } from "../../checks.ts";
import { ModuleError, require } from "../../error.ts";
import { createEmit, type Emit } from "../../events.ts";
import type { ModuleHost } from "../../module.ts";
import { TERRITORY_STATE } from "../../states.ts";
import {
  address,
  defineSchedule,
  defineTable,
  hash32,
  type Schedule,
  safe64,
} from "../../storage.ts";

/** Space that an owner has bought for a time. */
export interface Territory {
  readonly owner: Hex;
  readonly name: string;
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly startBlock: number;
  /** The first block in which nothing new may be declared. */
  readonly endBlock: number;
  /** As last noted by the hook, which may be late: {@link territoryState} is exact. */
  readonly notedState: number;
}

const territoryCodec: Codec<Territory> = struct<Territory>({
  owner: address,
  name: text(NAME_BYTES_MAX),
  totalBytes: safe64,
  usedBytes: safe64,
  startBlock: safe64,
  endBlock: safe64,
  notedState: u8,
});

const territories = defineTable({ module: "territory", name: "records" }, hash32, territoryCodec);
/** Expired territories whose files are still to be released, by the files module. */
export const sweeps: Schedule<Hex> = defineSchedule(
  { module: "territory", name: "sweeps" },
  hash32,
);
export const emitTerritory: Emit<typeof territoryAbi> = createEmit("territory", territoryAbi);

/** SHA-256("cess/territory/v1" ‖ owner ‖ name). */
export function territoryId(owner: Hex, name: string): Hex {
  const domain = utf8ToBytes("cess/territory/v1");
  const bytes = concatBytes(domain, hexToBytes(owner, 20), utf8ToBytes(name));
  return bytesToHex(hash("sha256", bytes, "buffer"));
}

export function getTerritory(host: ModuleHost, id: Hex): Promise<Territory | undefined> {
  return territories.get(host, id);
}

export function setTerritory(host: ModuleHost, id: Hex, territory: Territory): Promise<void> {
  return territories.set(host, id, territory);
}

export async function requireTerritory(host: ModuleHost, id: Hex): Promise<Territory> {
  const territory = await territories.get(host, id);
  if (territory === undefined) throw new ModuleError("NOT_FOUND", `no territory ${id}`);
  return territory;
}

/** State by the clock; a territory that was noted as expired stays so. */
export function territoryState(host: ModuleHost, territory: Territory): number {
  const { notedState, endBlock } = territory;
  if (notedState === TERRITORY_STATE.expired) return notedState;
  return host.height < BigInt(endBlock) ? TERRITORY_STATE.active : TERRITORY_STATE.frozen;
}

/** Takes space of an active territory. */
export async function charge(host: ModuleHost, id: Hex, sizeBytes: number): Promise<void> {
  const territory = await requireTerritory(host, id);
  const isActive = territoryState(host, territory) === TERRITORY_STATE.active;
  require(isActive, "STATE_WRONG", "the territory is not active");
  const usedBytes = territory.usedBytes + sizeBytes;
  const freeBytes = territory.totalBytes - territory.usedBytes;
  require(usedBytes <= territory.totalBytes, "SPACE_SHORT", `the territory has ${freeBytes} bytes`);
  await territories.set(host, id, { ...territory, usedBytes });
}

/** Gives space back, in any state. */
export async function refund(host: ModuleHost, id: Hex, sizeBytes: number): Promise<void> {
  const territory = await requireTerritory(host, id);
  await territories.set(host, id, { ...territory, usedBytes: territory.usedBytes - sizeBytes });
}
