import { text } from "@cess/codec/codec";
import type { ChainSpec } from "@cess/params/chain-spec";
import { CESS } from "@cess/std/units";
import type { ModuleHost } from "../module.ts";
import { defineTable, type Table, u256 } from "../storage.ts";

export type ParameterName =
  | "territoryPriceWei"
  | "minerStakePerTiBWei"
  | "auditPenaltyPpm"
  | "auditFailuresMax"
  | "verdictRecheckOneIn"
  | "teeBondWei"
  | "falseVerdictPenaltyPpm";

interface Parameter {
  /** In force until governance changes it. */
  readonly initial: (spec: ChainSpec) => bigint;
  readonly min: bigint;
  readonly max: bigint;
}

const MILLION = 1_000_000n;

/** What governance may change, and how far. Times are not among them: nodes read those at start. */
export const PARAMETERS: Readonly<Record<ParameterName, Parameter>> = {
  territoryPriceWei: { initial: (spec) => spec.territoryPriceWei, min: 1n, max: CESS },
  minerStakePerTiBWei: {
    initial: (spec) => spec.minerStakePerTiBWei,
    min: CESS,
    max: MILLION * CESS,
  },
  auditPenaltyPpm: { initial: (spec) => BigInt(spec.auditPenaltyPpm), min: 1n, max: MILLION },
  auditFailuresMax: { initial: (spec) => BigInt(spec.auditFailuresMax), min: 1n, max: 100n },
  verdictRecheckOneIn: {
    initial: (spec) => BigInt(spec.verdictRecheckOneIn),
    min: 1n,
    max: 4096n,
  },
  teeBondWei: { initial: (spec) => spec.minerStakePerTiBWei, min: CESS, max: MILLION * CESS },
  falseVerdictPenaltyPpm: { initial: () => 100_000n, min: 1n, max: MILLION },
};

export const changedParameters: Table<string, bigint> = defineTable(
  { module: "params", name: "changed" },
  text(64),
  u256,
);

export function isParameter(name: string): name is ParameterName {
  return Object.hasOwn(PARAMETERS, name);
}

/** The value in force. */
export async function parameter(host: ModuleHost, name: ParameterName): Promise<bigint> {
  return (await changedParameters.get(host, name)) ?? PARAMETERS[name].initial(host.spec);
}
