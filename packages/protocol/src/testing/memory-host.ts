/**
 * A chain of modules in memory, for tests: storage, balances, events and blocks, with what a
 * refused call wrote rolled back.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type ChainSpec, DEV } from "@cess/params/chain-spec";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import {
  type Abi,
  type AbiStateMutability,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  decodeEventLog,
  decodeFunctionResult,
  encodeFunctionData,
} from "viem";
import { MODULE_ADDRESSES } from "../addresses.ts";
import type { Genesis, ModuleHost, ModuleSet } from "../module.ts";

export interface MemoryEvent {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
}

export interface MemoryChainOptions {
  readonly modules: ModuleSet;
  readonly spec?: ChainSpec;
  readonly genesis: Genesis;
}

interface State {
  readonly storage: Map<string, Uint8Array>;
  readonly balances: Map<string, bigint>;
}

export interface CallOptions {
  readonly from: Hex;
  readonly value?: bigint;
}

export class MemoryChain {
  readonly spec: ChainSpec;
  readonly #modules: ModuleSet;
  #state: State = { storage: new Map(), balances: new Map() };
  /** What the last calls and hooks emitted; tests empty it. */
  events: MemoryEvent[] = [];
  /** Gas of the last call. */
  gasUsed = 0n;
  /** Storage writes of the last call. */
  writeCount = 0;
  height = 0n;
  beacon: Uint8Array = new Uint8Array(32);
  #undo: (() => void)[] = [];

  private constructor(options: MemoryChainOptions) {
    this.spec = options.spec ?? DEV;
    this.#modules = options.modules;
  }

  static async create(options: MemoryChainOptions): Promise<MemoryChain> {
    const chain = new MemoryChain(options);
    for (const { address, balanceWei } of options.genesis.alloc) chain.fund(address, balanceWei);
    await options.modules.runGenesis(chain.host(), options.genesis);
    return chain;
  }

  fund(address: Hex, wei: bigint): void {
    this.#setBalance(address, this.balanceOf(address) + wei);
  }

  balanceOf(address: Hex): bigint {
    return this.#state.balances.get(address.toLowerCase()) ?? 0n;
  }

  /** Runs `count` empty blocks; the beacon is the hash of the height unless `beaconOf` says else. */
  async blocks(count = 1, beaconOf: (height: bigint) => Uint8Array = beaconAt): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      this.height += 1n;
      this.beacon = beaconOf(this.height);
      await this.#runHooks();
    }
  }

  /** A hook has nobody to refuse: whatever it throws is a fault. */
  async #runHooks(): Promise<void> {
    try {
      await this.#modules.runBeginBlock(this.host());
      await this.#modules.runEndBlock(this.host());
    } catch (cause) {
      throw new AggregateError([cause], `a hook of block ${this.height} failed: ${cause}`);
    }
  }

  /** A transaction: what it wrote stays only if it succeeds. */
  async send<const A extends Abi, Name extends ContractFunctionName<A>>(
    module: ModuleAt<A>,
    name: Name,
    args: ContractFunctionArgs<A, AbiStateMutability, Name>,
    options: CallOptions,
  ): Promise<ContractFunctionReturnType<A, AbiStateMutability, Name>> {
    const data = encodeFunctionData({ abi: module.abi, functionName: name, args } as never);
    const raw = await this.sendRaw(module.address, data, options);
    return decodeFunctionResult({
      abi: module.abi,
      functionName: name,
      data: raw,
    } as never) as never;
  }

  async sendRaw(to: Hex, data: Hex, options: CallOptions): Promise<Hex> {
    const { from, value = 0n } = options;
    const eventCount = this.#begin();
    try {
      this.#move(from, to, value);
      const call = { to, caller: from, value, isStatic: false, data };
      return await this.#modules.dispatchCall(this.host(), call);
    } catch (cause) {
      this.#rollBack(eventCount);
      throw cause;
    }
  }

  /** A transaction of which nothing stays. */
  async simulate(to: Hex, data: Hex, from: Hex): Promise<Hex> {
    const eventCount = this.#begin();
    const call = { to, caller: from, value: 0n, isStatic: false, data };
    const result = await this.#modules.dispatchCall(this.host(), call);
    this.#rollBack(eventCount);
    return result;
  }

  #begin(): number {
    this.#undo = [];
    this.gasUsed = 0n;
    this.writeCount = 0;
    return this.events.length;
  }

  #rollBack(eventCount: number): void {
    for (const undo of this.#undo.reverse()) undo();
    this.events.length = eventCount;
  }

  /** A static call. */
  async view<const A extends Abi, Name extends ContractFunctionName<A>>(
    module: ModuleAt<A>,
    name: Name,
    args: ContractFunctionArgs<A, AbiStateMutability, Name>,
  ): Promise<ContractFunctionReturnType<A, AbiStateMutability, Name>> {
    const data = encodeFunctionData({ abi: module.abi, functionName: name, args } as never);
    const caller: Hex = `0x${"00".repeat(20)}`;
    const call = { to: module.address, caller, value: 0n, isStatic: true, data };
    const raw = await this.#modules.dispatchCall(this.host(), call);
    return decodeFunctionResult({
      abi: module.abi,
      functionName: name,
      data: raw,
    } as never) as never;
  }

  /** Events of one ABI since `events` was last emptied, decoded, in order. */
  decoded(module: ModuleAt<Abi>): readonly DecodedEvent[] {
    const own = this.events.filter((event) => event.address === module.address);
    return own.map(({ topics, data }) => {
      return decodeEventLog({
        abi: module.abi,
        topics: topics as [Hex],
        data,
      }) as unknown as DecodedEvent;
    });
  }

  host(): ModuleHost {
    return {
      spec: this.spec,
      height: this.height,
      timestampSeconds: this.height * BigInt(this.spec.blockMs / 1000),
      beacon: this.beacon,
      getStorage: async (address, key) => this.#state.storage.get(slot(address, key)),
      setStorage: async (address, key, value) => this.#setSlot(slot(address, key), value),
      getBalance: async (address) => this.balanceOf(address),
      transfer: async (from, to, wei) => this.#move(from, to, wei),
      emit: (address, topics, data) => {
        this.events.push({ address, topics, data });
      },
      chargeGas: (amount) => {
        this.gasUsed += amount;
      },
    };
  }

  /** Slots in use: what the state has grown to. */
  get slotCount(): number {
    return this.#state.storage.size;
  }

  #setSlot(at: string, value: Uint8Array | undefined): void {
    assert(value?.length !== 0, "an empty value cannot be told from a deleted slot");
    const before = this.#state.storage.get(at);
    this.writeCount += 1;
    this.#undo.push(() => put(this.#state.storage, at, before));
    put(this.#state.storage, at, value);
  }

  #setBalance(address: Hex, wei: bigint): void {
    const at = address.toLowerCase();
    const before = this.#state.balances.get(at);
    this.#undo.push(() => put(this.#state.balances, at, before));
    this.#state.balances.set(at, wei);
  }

  #move(from: Hex, to: Hex, wei: bigint): void {
    const balance = this.balanceOf(from);
    assert(wei >= 0n && balance >= wei, `${from} has ${balance} wei, ${wei} are to leave it`);
    this.#setBalance(from, balance - wei);
    this.#setBalance(to, this.balanceOf(to) + wei);
  }
}

export interface DecodedEvent {
  readonly eventName: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Beacon of a height where a test does not care. */
export function beaconAt(height: bigint): Uint8Array {
  return new Uint8Array(createHash("sha256").update(`beacon ${height}`).digest());
}

/** ABI and address together, as `send` and `view` want them. */
export interface ModuleAt<A extends Abi> {
  readonly abi: A;
  readonly address: Hex;
}

export function moduleAt<const A extends Abi>(
  name: keyof typeof MODULE_ADDRESSES,
  abi: A,
): ModuleAt<A> {
  return { abi, address: MODULE_ADDRESSES[name] };
}

function slot(address: Hex, key: Uint8Array): string {
  assert.equal(key.length, 32);
  return `${address}${bytesToHex(key)}`;
}

function put<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
