import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Committee, committeeHash } from "@cess/consensus/committee";
import { bigintToBytes, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import type { BlockHeader } from "@ethereumjs/block";
import type { Log } from "@ethereumjs/evm";
import { BASE_FEE_MIN } from "./base-fee.ts";
import { createHeader } from "./block-format.ts";
import type { ChainRules } from "./block-runner.ts";
import type { BlockStore } from "./block-store.ts";
import { readCommittee } from "./committee-reader.ts";
import { ExecutionError } from "./error.ts";
import { addBalance, createStateHost, toAddress } from "./module-host.ts";
import type { BlockOutcome } from "./receipt.ts";
import { createSystemAccounts } from "./system-contracts.ts";
import { EMPTY_ROOT } from "./trie-node.ts";
import { type StateChanges, WorldState } from "./world-state.ts";

export interface GenesisBlock {
  readonly header: BlockHeader;
  readonly outcome: BlockOutcome;
  readonly changes: StateChanges;
  readonly nextCommittee: Committee;
}

const ALLOC_COUNT_MAX = 100_000;

/** The block that a chain begins with: a function of its genesis alone. */
export async function createGenesisBlock(
  rules: ChainRules,
  store: BlockStore,
): Promise<GenesisBlock> {
  const { spec, genesis, modules, common } = rules;
  if (genesis.spec !== spec.name) throw invalid(`for chain ${genesis.spec}, not ${spec.name}`);
  if (genesis.alloc.length > ALLOC_COUNT_MAX) throw invalid("too many accounts");
  if (genesis.validators.length === 0) throw invalid("no validators");
  const state = new WorldState(store, EMPTY_ROOT);
  for (const { address, balanceWei } of genesis.alloc) {
    await addBalance(state, toAddress(address), balanceWei);
  }
  await createSystemAccounts(state, modules);
  const { timestampSeconds } = genesis;
  const beacon = genesisBeacon(rules);
  const block = { height: 0n, timestampSeconds, beacon };
  const logs: Log[] = [];
  const host = createStateHost({ spec, state, block, logs, chargeGas: () => undefined });
  await modules.runGenesis(host, genesis);
  const nextCommittee = await readCommittee(modules, host, genesis);
  assert(nextCommittee.seats.length > 0, "nobody decides the first block");
  const { root, changes } = state.seal();
  const choice = {
    timestampSeconds,
    proposer: new Uint8Array(20),
    beacon,
    lastCertificateHash: new Uint8Array(32),
  };
  const header = createHeader(common, choice, {
    height: 0n,
    parentHash: new Uint8Array(32),
    gasLimit: BigInt(spec.blockGasMax),
    baseFee: BASE_FEE_MIN,
    extraData: committeeHash(nextCommittee),
    stateRoot: root,
    transactionsRoot: EMPTY_ROOT,
    receiptsRoot: EMPTY_ROOT,
    logsBloom: new Uint8Array(256),
    gasUsed: 0n,
  });
  const beginLogs = logs.map(([address, topics, data]) => ({ address, topics, data }));
  return { header, outcome: { receipts: [], beginLogs, endLogs: [] }, changes, nextCommittee };
}

/** Beacon before the first block: nobody has influence on it beyond writing the genesis. */
function genesisBeacon({ spec, genesis }: ChainRules): Uint8Array {
  const hash = createHash("sha256").update(utf8ToBytes("cess/genesis-beacon/v1"));
  hash.update(bigintToBytes(BigInt(spec.chainId), 8));
  hash.update(bigintToBytes(genesis.timestampSeconds, 8));
  for (const { account, vrfPublicKey } of genesis.validators) {
    hash.update(hexToBytes(account, 20)).update(vrfPublicKey);
  }
  return new Uint8Array(hash.digest());
}

function invalid(reason: string): ExecutionError {
  return new ExecutionError({ code: "GENESIS_INVALID", reason });
}
