/**
 * What the chain answers, with addresses in lower case: they are keys of maps and parts of signed
 * messages here, and equal ones must be equal strings.
 * @module
 */
import { MODULE_ADDRESSES, type ModuleName } from "@cess/protocol/addresses";
import type { Hex } from "@cess/std/bytes";
import {
  type Abi,
  type AbiParameter,
  decodeEventLog,
  decodeFunctionResult,
  getAbiItem,
} from "viem";
import { type ChainEvent, MODULE_ABIS } from "./modules.ts";

/** A log as JSON-RPC has it. */
export interface RpcLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly blockNumber: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: Hex;
}

const MODULE_OF_ADDRESS = new Map<string, ModuleName>(
  Object.entries(MODULE_ADDRESSES).map(([name, address]) => [address, name as ModuleName]),
);

/** @returns undefined for logs of other contracts, and for events newer than this program. */
export function decodeEvent(log: RpcLog): ChainEvent | undefined {
  const module = MODULE_OF_ADDRESS.get(log.address.toLowerCase());
  if (module === undefined) return undefined;
  const abi: Abi = MODULE_ABIS[module];
  const topics = log.topics as [Hex, ...Hex[]];
  try {
    const { eventName, args } = decodeEventLog({ abi, topics, data: log.data, strict: true });
    const item = abi.find((each) => each.type === "event" && each.name === eventName);
    const inputs = item !== undefined && "inputs" in item ? item.inputs : [];
    return {
      module,
      name: eventName,
      args: lowerFields(inputs, args as unknown as Record<string, unknown>),
      height: Number(log.blockNumber),
      transactionHash: log.transactionHash,
      logIndex: Number(log.logIndex),
    } as unknown as ChainEvent;
  } catch {
    // An event that a later version of the module emits: older followers pass over it.
    return undefined;
  }
}

export function decodeView(module: ModuleName, functionName: string, data: Hex): unknown {
  const abi: Abi = MODULE_ABIS[module];
  const item = getAbiItem({ abi, name: functionName });
  const outputs = item !== undefined && "outputs" in item ? item.outputs : [];
  const result = decodeFunctionResult({ abi, functionName, data });
  if (outputs.length === 1) return lower(outputs[0] as AbiParameter, result);
  return outputs.map((output, index) => lower(output, (result as readonly unknown[])[index]));
}

function lower(parameter: AbiParameter, value: unknown): unknown {
  if (parameter.type === "address") return (value as string).toLowerCase();
  if (parameter.type.endsWith("[]")) {
    const item = { ...parameter, type: parameter.type.slice(0, -2) } as AbiParameter;
    return (value as readonly unknown[]).map((each) => lower(item, each));
  }
  if (parameter.type === "tuple" && "components" in parameter) {
    return lowerFields(parameter.components, value as Record<string, unknown>);
  }
  return value;
}

function lowerFields(
  parameters: readonly AbiParameter[],
  fields: Record<string, unknown>,
): Record<string, unknown> {
  const lowered = parameters.map((each) => {
    const name = each.name as string;
    return [name, lower(each, fields[name])] as const;
  });
  return Object.fromEntries(lowered);
}
