import assert from "node:assert/strict";
import type { ChainSpec } from "@cess/params/chain-spec";
import type { ModuleHost } from "@cess/protocol/module";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import type { Log } from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import type { WorldState } from "./world-state.ts";

/** What a module knows of the block it runs in. */
export interface BlockFacts {
  readonly height: bigint;
  readonly timestampSeconds: bigint;
  readonly beacon: Uint8Array;
}

export interface StateHostDeps {
  readonly spec: ChainSpec;
  readonly state: WorldState;
  readonly block: BlockFacts;
  /** Receives what the modules emit. */
  readonly logs: Log[];
  readonly chargeGas: (amount: bigint) => void;
}

/** The modules' view of a {@link WorldState}. */
export function createStateHost(deps: StateHostDeps): ModuleHost {
  const { spec, state, block, logs, chargeGas } = deps;
  return {
    spec,
    height: block.height,
    timestampSeconds: block.timestampSeconds,
    beacon: block.beacon,
    async getStorage(address, key) {
      const value = state.getRecord(toAddress(address), key);
      return value.length === 0 ? undefined : value;
    },
    async setStorage(address, key, value) {
      assert(value === undefined || value.length > 0, "an empty value would delete the slot");
      state.putRecord(toAddress(address), key, value ?? new Uint8Array());
    },
    async getBalance(address) {
      return (await state.getAccount(toAddress(address)))?.balance ?? 0n;
    },
    async transfer(from, to, wei) {
      await addBalance(state, toAddress(from), -wei);
      await addBalance(state, toAddress(to), wei);
    },
    emit(address, topics, data) {
      logs.push([
        hexToBytes(address, 20),
        topics.map((topic) => hexToBytes(topic, 32)),
        hexToBytes(data),
      ]);
    },
    chargeGas,
  };
}

/** Asserts that the balance suffices. An account that ends up empty is removed (EIP-161). */
export async function addBalance(state: WorldState, address: Address, wei: bigint): Promise<void> {
  if (wei === 0n) return;
  const account = (await state.getAccount(address)) ?? new Account();
  account.balance += wei;
  assert(account.balance >= 0n, `${address} has ${account.balance - wei} wei, less than ${-wei}`);
  if (account.isEmpty()) await state.deleteAccount(address);
  else await state.putAccount(address, account);
}

/** PERF: a module call makes one address for each read and write, mostly of the same module. */
const addresses = new Map<Hex, Address>();
const ADDRESSES_MAX = 64;

export function toAddress(address: Hex): Address {
  const known = addresses.get(address);
  if (known !== undefined) return known;
  const made = new Address(hexToBytes(address, 20));
  if (addresses.size < ADDRESSES_MAX) addresses.set(address, made);
  return made;
}
