/**
 * System modules: contracts of the chain that are written in TypeScript. A module is an ABI, one
 * handler per function, and what it does at genesis and around each block. It sees the chain only
 * through a {@link ModuleHost}, so that the same code runs on the EVM and in a test.
 * @module
 */
import type { ChainSpec } from "@cess/params/chain-spec";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type {
  Abi,
  AbiFunction,
  AbiStateMutability,
  ContractFunctionArgs,
  ContractFunctionName,
  ContractFunctionReturnType,
} from "viem";
import { toFunctionSelector } from "viem";
import { decodeArguments, encodeResult } from "./abi-codec.ts";
import type { ModuleName } from "./addresses.ts";
import { MODULE_ADDRESSES } from "./addresses.ts";
import { ModuleError, require } from "./error.ts";

/** What execution provides for one call or one block hook. All state is behind it. */
export interface ModuleHost {
  readonly spec: ChainSpec;
  /** Of the block being executed, as are the time and the beacon. */
  readonly height: bigint;
  readonly timestampSeconds: bigint;
  readonly beacon: Uint8Array;
  /** `key` has 32 bytes; values may have any length but 0. */
  getStorage(address: Hex, key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Leaving out `value` deletes the slot. */
  setStorage(address: Hex, key: Uint8Array, value: Uint8Array | undefined): Promise<void>;
  getBalance(address: Hex): Promise<bigint>;
  /** Moves money without running code at `to`; the balance of `from` must suffice. */
  transfer(from: Hex, to: Hex, wei: bigint): Promise<void>;
  emit(address: Hex, topics: readonly Hex[], data: Hex): void;
  /** Throws an error of the host's own when gas runs out; does nothing in block hooks. */
  chargeGas(amount: bigint): void;
}

/** A host during a call. */
export interface CallContext extends ModuleHost {
  /** The account that called, lower-case. */
  readonly caller: Hex;
  /** Wei that came with the call; they are on the module's account already. */
  readonly value: bigint;
  readonly isStatic: boolean;
}

/** First state of a chain. Balances of `alloc` are set by execution before the modules run. */
export interface Genesis {
  readonly spec: ChainSpec["name"];
  readonly timestampSeconds: bigint;
  readonly alloc: readonly { readonly address: Hex; readonly balanceWei: bigint }[];
  /** Each account needs at least `bondedWei` in `alloc`, which moves to the staking module. */
  readonly validators: readonly GenesisValidator[];
  /** The one account that may change parameters. */
  readonly timelock: Hex;
  /** Whose signature makes a test attestation, where the spec accepts those. */
  readonly testAttestationRoot?: Hex;
}

export interface GenesisValidator {
  readonly account: Hex;
  readonly blsPublicKey: Uint8Array;
  readonly blsProof: Uint8Array;
  readonly vrfPublicKey: Uint8Array;
  readonly bondedWei: bigint;
}

/** One handler per function of the ABI: arguments as a tuple, the result as viem types it. */
export type Handlers<A extends Abi> = {
  readonly [Name in ContractFunctionName<A>]: (
    context: CallContext,
    args: ContractFunctionArgs<A, AbiStateMutability, Name>,
  ) => Promise<ContractFunctionReturnType<A, AbiStateMutability, Name>>;
};

export interface ModuleParts<A extends Abi> {
  readonly calls: Handlers<A>;
  readonly genesis?: (host: ModuleHost, genesis: Genesis) => Promise<void>;
  readonly beginBlock?: (host: ModuleHost) => Promise<void>;
  readonly endBlock?: (host: ModuleHost) => Promise<void>;
}

interface BoundCall {
  readonly item: AbiFunction;
  readonly handle: (context: CallContext, args: readonly unknown[]) => Promise<unknown>;
}

export interface ModuleDefinition {
  readonly name: ModuleName;
  readonly address: Hex;
  readonly abi: Abi;
  /** By selector, `0x` and 8 digits. */
  readonly calls: ReadonlyMap<string, BoundCall>;
  readonly genesis?: (host: ModuleHost, genesis: Genesis) => Promise<void>;
  readonly beginBlock?: (host: ModuleHost) => Promise<void>;
  readonly endBlock?: (host: ModuleHost) => Promise<void>;
}

export interface ModuleCall {
  /** Address of a module. */
  readonly to: Hex;
  readonly caller: Hex;
  readonly value: bigint;
  readonly isStatic: boolean;
  readonly data: Hex;
}

/** Gas of what a handler does, on top of what the EVM charges for the call itself. */
export const GAS = {
  read: 200n,
  write: 2000n,
  byte: 8n,
  event: 400n,
  recoverSigner: 3000n,
  verifyBLS: 60_000n,
  blsKey: 1500n,
  /** Per sample of a proof that the chain checks itself. */
  proofSample: 10_000n,
} as const;

/** Binds handlers to selectors; the compiler refuses a missing or an extra handler. */
export function defineModule<const A extends Abi>(
  name: ModuleName,
  abi: A,
  parts: ModuleParts<A>,
): ModuleDefinition {
  const handlers = parts.calls as unknown as Record<string, BoundCall["handle"]>;
  const calls = new Map<string, BoundCall>();
  for (const item of abi) {
    if (item.type !== "function") continue;
    calls.set(toFunctionSelector(item), { item, handle: handlers[item.name] as never });
  }
  const { calls: _, ...rest } = parts;
  return { ...rest, name, abi, address: MODULE_ADDRESSES[name], calls };
}

/** The modules of a chain, in the fixed order of their hooks. */
export interface ModuleSet {
  readonly definitions: readonly ModuleDefinition[];
  isModule(address: Hex): boolean;
  /**
   * Runs one call to its ABI-encoded result. The host reverts what was written when this throws.
   *
   * @throws {@link ModuleError} if the call is refused; what `chargeGas` throws passes through.
   */
  dispatchCall(host: ModuleHost, call: ModuleCall): Promise<Hex>;
  runGenesis(host: ModuleHost, genesis: Genesis): Promise<void>;
  runBeginBlock(host: ModuleHost): Promise<void>;
  runEndBlock(host: ModuleHost): Promise<void>;
}

export function createModuleSet(definitions: readonly ModuleDefinition[]): ModuleSet {
  const byAddress = new Map<string, ModuleDefinition>();
  for (const definition of definitions) byAddress.set(definition.address, definition);
  return {
    definitions,
    isModule: (address) => byAddress.has(address.toLowerCase()),
    async dispatchCall(host, call) {
      const bound = byAddress.get(call.to.toLowerCase())?.calls.get(call.data.slice(0, 10));
      require(bound !== undefined, "FUNCTION_UNKNOWN", call.data.slice(0, 10));
      const { item, handle } = bound;
      require(item.stateMutability === "payable" || call.value === 0n, "NOT_PAYABLE", item.name);
      const args = decodeArguments(item, call.data);
      const result = await handle(createContext(host, call, item), args);
      return encodeResult(item, result);
    },
    async runGenesis(host, genesis) {
      for (const { genesis: run } of definitions) await run?.(host, genesis);
    },
    async runBeginBlock(host) {
      for (const { beginBlock: run } of definitions) await run?.(host);
    },
    async runEndBlock(host) {
      for (const { endBlock: run } of definitions) await run?.(host);
    },
  };
}

/** The host with its costs charged, and every write refused where nothing may be written. */
function createContext(host: ModuleHost, call: ModuleCall, item: AbiFunction): CallContext {
  const isStatic = call.isStatic || item.stateMutability === "view";
  function chargeWrite(gas: bigint): void {
    if (isStatic) throw new ModuleError("STATIC_CALL", item.name);
    host.chargeGas(gas);
  }
  return {
    spec: host.spec,
    height: host.height,
    timestampSeconds: host.timestampSeconds,
    beacon: host.beacon,
    caller: bytesToHex(hexToBytes(call.caller, 20)),
    value: call.value,
    isStatic,
    async getStorage(address, key) {
      host.chargeGas(GAS.read);
      const value = await host.getStorage(address, key);
      host.chargeGas(GAS.byte * BigInt(value?.length ?? 0));
      return value;
    },
    async setStorage(address, key, value) {
      chargeWrite(GAS.write + GAS.byte * BigInt(value?.length ?? 0));
      await host.setStorage(address, key, value);
    },
    getBalance(address) {
      host.chargeGas(GAS.read);
      return host.getBalance(address);
    },
    async transfer(from, to, wei) {
      chargeWrite(GAS.write);
      await host.transfer(from, to, wei);
    },
    emit(address, topics, data) {
      chargeWrite(GAS.event + GAS.byte * BigInt(data.length / 2 + 32 * topics.length));
      host.emit(address, topics, data);
    },
    chargeGas: (amount) => host.chargeGas(amount),
  };
}
