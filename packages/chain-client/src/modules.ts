/**
 * The system modules as types: which functions may be read or sent, and which events they emit.
 * @module
 */
import { auditAbi } from "@cess/protocol/abi/audit";
import { filesAbi } from "@cess/protocol/abi/files";
import { gatewaysAbi } from "@cess/protocol/abi/gateways";
import { minersAbi } from "@cess/protocol/abi/miners";
import { paramsAbi } from "@cess/protocol/abi/params";
import { stakingAbi } from "@cess/protocol/abi/staking";
import { teeAbi } from "@cess/protocol/abi/tee";
import { territoryAbi } from "@cess/protocol/abi/territory";
import type { ModuleName } from "@cess/protocol/addresses";
import type { Hex } from "@cess/std/bytes";
import type {
  ContractEventArgsFromTopics,
  ContractEventName,
  ContractFunctionArgs,
  ContractFunctionName,
  ContractFunctionReturnType,
} from "viem";

export interface ModuleAbis {
  readonly staking: typeof stakingAbi;
  readonly miners: typeof minersAbi;
  readonly tee: typeof teeAbi;
  readonly territory: typeof territoryAbi;
  readonly files: typeof filesAbi;
  readonly audit: typeof auditAbi;
  readonly gateways: typeof gatewaysAbi;
  readonly params: typeof paramsAbi;
}

export const MODULE_ABIS: ModuleAbis = {
  staking: stakingAbi,
  miners: minersAbi,
  tee: teeAbi,
  territory: territoryAbi,
  files: filesAbi,
  audit: auditAbi,
  gateways: gatewaysAbi,
  params: paramsAbi,
};

type Views = "view" | "pure";
type Writes = "payable" | "nonpayable";

export type ViewName<M extends ModuleName> = ContractFunctionName<ModuleAbis[M], Views>;
export type ViewArgs<M extends ModuleName, F extends ViewName<M>> = ContractFunctionArgs<
  ModuleAbis[M],
  Views,
  F
>;
/** One output as it is, several as a tuple. Addresses are in lower case. */
export type ViewResult<M extends ModuleName, F extends ViewName<M>> = ContractFunctionReturnType<
  ModuleAbis[M],
  Views,
  F
>;
export type CallName<M extends ModuleName> = ContractFunctionName<ModuleAbis[M], Writes>;
export type CallArgs<M extends ModuleName, F extends CallName<M>> = ContractFunctionArgs<
  ModuleAbis[M],
  Writes,
  F
>;

interface EventPosition {
  readonly height: number;
  readonly transactionHash: Hex;
  readonly logIndex: number;
}

type EventOf<M extends ModuleName> = {
  readonly [N in ContractEventName<ModuleAbis[M]>]: EventPosition & {
    readonly module: M;
    readonly name: N;
    readonly args: ContractEventArgsFromTopics<ModuleAbis[M], N>;
  };
}[ContractEventName<ModuleAbis[M]>];

/** An event of a module, told apart by `module` and `name`. Addresses are in lower case. */
export type ChainEvent = { readonly [M in ModuleName]: EventOf<M> }[ModuleName];
