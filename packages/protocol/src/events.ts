import { bigintToBytes, bytesToHex, type Hex } from "@cess/std/bytes";
import {
  type Abi,
  type AbiEvent,
  type ContractEventArgsFromTopics,
  type ContractEventName,
  encodeAbiParameters,
  toEventSelector,
} from "viem";
import type { ModuleName } from "./addresses.ts";
import { MODULE_ADDRESSES } from "./addresses.ts";
import type { ModuleHost } from "./module.ts";

/** Emits an event of one module's ABI; indexed fields are value types, never text or lists. */
export type Emit<A extends Abi> = <Name extends ContractEventName<A>>(
  host: ModuleHost,
  name: Name,
  args: ContractEventArgsFromTopics<A, Name>,
) => void;

export function createEmit<const A extends Abi>(module: ModuleName, abi: A): Emit<A> {
  const events = new Map<string, { readonly item: AbiEvent; readonly selector: Hex }>();
  for (const item of abi) {
    if (item.type === "event") events.set(item.name, { item, selector: toEventSelector(item) });
  }
  return (host, name, args) => {
    const { item, selector } = events.get(name) as { item: AbiEvent; selector: Hex };
    const fields = args as unknown as Readonly<Record<string, unknown>>;
    const read = (input: AbiEvent["inputs"][number]): unknown => fields[input.name as string];
    const topics = item.inputs.filter((input) => input.indexed).map((input) => topic(read(input)));
    const plain = item.inputs.filter((input) => !input.indexed);
    const data = encodeAbiParameters(plain, plain.map(read));
    host.emit(MODULE_ADDRESSES[module], [selector, ...topics], data);
  };
}

function topic(value: unknown): Hex {
  if (typeof value === "bigint") return bytesToHex(bigintToBytes(value, 32));
  const digits = (value as Hex).slice(2);
  return `0x${digits.padStart(64, "0")}`;
}
