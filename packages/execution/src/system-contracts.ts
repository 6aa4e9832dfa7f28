/**
 * Accounts that every block needs: the two ring buffers of Ethereum that contracts read, and the
 * account that commits to what block hooks emitted.
 * @module
 */
import { keccak256 } from "@cess/crypto/secp256k1";
import type { ModuleSet } from "@cess/protocol/module";
import { bigintToBytes, hexToBytes } from "@cess/std/bytes";
import { RLP } from "@ethereumjs/rlp";
import { Account, type Address } from "@ethereumjs/util";
import { toAddress } from "./module-host.ts";
import type { LogRecord } from "./receipt.ts";
import type { WorldState } from "./world-state.ts";

/** EIP-4788: hashes of commit certificates by the time of the block that carries them. */
const BEACON_ROOTS = {
  address: toAddress("0x000f3df6d732807ef1319fb7b8bb8522d0beac02"),
  code: hexToBytes(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001f" +
      "ff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001f" +
      "ff015500",
  ),
  count: 8191n,
};

/** EIP-2935: hashes of past blocks by height. */
const HISTORY = {
  address: toAddress("0x0000f90827f1c53a10cb7a02335b175320002935"),
  code: hexToBytes(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff" +
      "81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500",
  ),
  count: 8191n,
};

/** Holds in slot 0 the hash of what the hooks of the last block that emitted anything emitted. */
export const SYSTEM_ADDRESS: Address = toAddress("0x000000000000000000000000000000000000c000");
const HOOK_LOGS_SLOT = new Uint8Array(32);
/** INVALID: never run, but a compiler's check that there is code at a module must pass. */
const MODULE_CODE = Uint8Array.of(0xfe);

export async function createSystemAccounts(state: WorldState, modules: ModuleSet): Promise<void> {
  for (const { address, code } of [BEACON_ROOTS, HISTORY]) await create(state, address, code);
  await create(state, SYSTEM_ADDRESS, MODULE_CODE);
  for (const { address } of modules.definitions) {
    await create(state, toAddress(address), MODULE_CODE);
  }
}

async function create(state: WorldState, address: Address, code: Uint8Array): Promise<void> {
  const account = (await state.getAccount(address)) ?? new Account();
  account.nonce = 1n;
  await state.putAccount(address, account);
  await state.putCode(address, code);
}

export interface BlockBegin {
  readonly height: bigint;
  readonly parentHash: Uint8Array;
  readonly timestampSeconds: bigint;
  readonly lastCertificateHash: Uint8Array;
}

/** What EIP-4788 and EIP-2935 write before the first transaction. */
export async function recordBlockBegin(state: WorldState, block: BlockBegin): Promise<void> {
  const timeIndex = block.timestampSeconds % BEACON_ROOTS.count;
  await state.putStorage(BEACON_ROOTS.address, slot(timeIndex), slot(block.timestampSeconds));
  const rootSlot = slot(timeIndex + BEACON_ROOTS.count);
  await state.putStorage(BEACON_ROOTS.address, rootSlot, block.lastCertificateHash);
  const historySlot = slot((block.height - 1n) % HISTORY.count);
  await state.putStorage(HISTORY.address, historySlot, block.parentHash);
}

/**
 * Commits to the logs of a block's hooks, which have no transaction and so are in no receipt:
 * keccak256(RLP([height, begin logs, end logs])). A block without hook logs writes nothing.
 *
 * @see docs/spec/rpc.md, "Logs of the protocol"
 */
export async function recordHookLogs(
  state: WorldState,
  height: bigint,
  logs: { readonly begin: readonly LogRecord[]; readonly end: readonly LogRecord[] },
): Promise<void> {
  if (logs.begin.length + logs.end.length === 0) return;
  const [begin, end] = [logs.begin, logs.end].map((records) => records.map(logFields));
  state.putRecord(SYSTEM_ADDRESS, HOOK_LOGS_SLOT, keccak256(RLP.encode([height, begin, end])));
}

export function logFields({
  address,
  topics,
  data,
}: LogRecord): [Uint8Array, Uint8Array[], Uint8Array] {
  return [address, [...topics], data];
}

function slot(value: bigint): Uint8Array {
  return bigintToBytes(value, 32);
}
