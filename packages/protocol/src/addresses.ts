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

function moduleAddress(index: number): Hex {
  return `0x${(0xc000 + index).toString(16).padStart(40, "0")}`;
}
