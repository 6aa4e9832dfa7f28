import type { Hex } from "@cess/std/bytes";

export type ModuleName =
  | "staking"
  | "miners"
  | "tee"
  | "territory"
  | "files"
  | "audit"
  | "gateways"
  | "params";

/** Fixed accounts of the system modules. Append-only. */
export const MODULE_ADDRESSES: Readonly<Record<ModuleName, Hex>> = {
  staking: moduleAddress(1),
  miners: moduleAddress(2),
  tee: moduleAddress(3),
  territory: moduleAddress(4),
  files: moduleAddress(5),
  audit: moduleAddress(6),
  gateways: moduleAddress(7),
  params: moduleAddress(8),
};

/** Holds penalties, and the treasury's share of payments; spent by the timelock through `params`. */
export const TREASURY_ADDRESS: Hex = `0x${"cf01".padStart(40, "0")}`;
/** Holds the miners' share of what territories cost, until it is claimed from `miners`. */
export const MINERS_POOL_ADDRESS: Hex = `0x${"cf02".padStart(40, "0")}`;

function moduleAddress(index: number): Hex {
  return `0x${(0xc000 + index).toString(16).padStart(40, "0")}`;
}
