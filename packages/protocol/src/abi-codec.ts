import type { Hex } from "@cess/std/bytes";
import {
  type AbiFunction,
  type AbiParameter,
  decodeAbiParameters,
  encodeAbiParameters,
} from "viem";
import { ModuleError } from "./error.ts";

/**
 * Arguments behind the selector of `data`, with addresses in lower case.
 *
 * @throws {@link ModuleError} `CALLDATA_MALFORMED`
 */
export function decodeArguments(item: AbiFunction, data: Hex): readonly unknown[] {
  if (item.inputs.length === 0) return [];
  const decoded = attemptDecode(item.inputs, `0x${data.slice(10)}`);
  return item.inputs.map((input, index) => lowerAddresses(input, decoded[index]));
}

/** ABI encoding of what a handler returned: nothing, one value, or one value per output. */
export function encodeResult(item: AbiFunction, result: unknown): Hex {
  if (item.outputs.length === 0) return "0x";
  const values = item.outputs.length === 1 ? [result] : (result as readonly unknown[]);
  return encodeAbiParameters(item.outputs, values);
}

function attemptDecode(inputs: readonly AbiParameter[], data: Hex): readonly unknown[] {
  try {
    return decodeAbiParameters(inputs, data) as readonly unknown[];
  } catch (cause) {
    const facts = cause instanceof Error ? cause.name : "unreadable";
    throw new ModuleError("CALLDATA_MALFORMED", facts, { cause });
  }
}

/** The library gives addresses with a checksum in their case; state knows one spelling only. */
function lowerAddresses(parameter: AbiParameter, value: unknown): unknown {
  const { type } = parameter;
  if (type.endsWith("[]")) {
    const item = { ...parameter, type: type.slice(0, -2) };
    return (value as readonly unknown[]).map((element) => lowerAddresses(item, element));
  }
  if (type === "address") return (value as string).toLowerCase();
  if (type !== "tuple" || !("components" in parameter)) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  const entries = parameter.components.map((component) => {
    const name = component.name as string;
    return [name, lowerAddresses(component, fields[name])];
  });
  return Object.fromEntries(entries);
}
