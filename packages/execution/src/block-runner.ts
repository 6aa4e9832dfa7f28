/**
 * Runs the transactions of one block on top of another. The same code builds and checks: a builder
 * drops what cannot run, a checker refuses the block.
 * @module
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type Committee, committeeHash } from "@cess/consensus/committee";
import type { ChainSpec } from "@cess/params/chain-spec";
import type { Genesis, ModuleHost, ModuleSet } from "@cess/protocol/module";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import type { Block, BlockHeader } from "@ethereumjs/block";
import type { Common } from "@ethereumjs/common";
import type { EVMMockBlockchainInterface, Log } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { Bloom, createVM, type RunTxResult, runTx, type VM } from "@ethereumjs/vm";
import { nextBaseFee } from "./base-fee.ts";
import {
  BLOCK_BYTES_MAX,
  createHeader,
  createRunningBlock,
  type HeaderChoice,
  rootOfList,
} from "./block-format.ts";
import type { BlockStore } from "./block-store.ts";
import type { BlockSummary } from "./block-summary.ts";
import { readCommittee } from "./committee-reader.ts";
import { ExecutionError } from "./error.ts";
import { collectFee, payFees } from "./fees.ts";
import { ModuleEVM } from "./module-evm.ts";
import { createStateHost } from "./module-host.ts";
import {
  type BlockOutcome,
  bloomOfLogs,
  encodeReceiptForTrie,
  type LogRecord,
  type ReceiptRecord,
} from "./receipt.ts";
import { recordBlockBegin, recordHookLogs } from "./system-contracts.ts";
import { checkAgainstAccount, type DecodedTransaction } from "./transaction.ts";
import { type StateChanges, WorldState } from "./world-state.ts";

export interface ChainRules {
  readonly common: Common;
  readonly spec: ChainSpec;
  readonly genesis: Genesis;
  readonly modules: ModuleSet;
}

export interface BlockRun {
  readonly header: BlockHeader;
  readonly transactions: readonly DecodedTransaction[];
  readonly rejected: readonly RejectedTransaction[];
  readonly outcome: BlockOutcome;
  readonly changes: StateChanges;
  /** Decides the block after this one. */
  readonly nextCommittee: Committee;
}

export interface RejectedTransaction {
  readonly hash: Hex;
  readonly error: ExecutionError;
  /** True if it may run in a later block: its nonce is ahead, or there was no room. */
  readonly mayRunLater: boolean;
}

/** Room for a header and the framing of the transactions. */
const HEADER_BYTES_MAX = 4096;
const TRANSACTION_FRAME_BYTES = 5;

/** Gas after which the rest of the process has its turn: a block must not hold up consensus. */
const PAUSE_GAS = 2_000_000n;

/** Mutable facts of a block while it runs. */
interface Progress {
  gasUsed: bigint;
  sizeBytes: number;
  feesWei: bigint;
  readonly receipts: ReceiptRecord[];
  readonly blooms: Uint8Array[];
  readonly included: DecodedTransaction[];
  readonly rejected: RejectedTransaction[];
}

export class BlockRunner {
  readonly #rules: ChainRules;
  readonly #store: BlockStore;
  readonly #parent: BlockSummary;
  readonly #choice: HeaderChoice;
  readonly #state: WorldState;
  readonly #block: Block;
  readonly #proposer: Address;
  readonly #height: bigint;

  constructor(
    deps: { readonly rules: ChainRules; readonly store: BlockStore },
    parent: BlockSummary,
    choice: HeaderChoice,
  ) {
    this.#rules = deps.rules;
    this.#store = deps.store;
    this.#parent = parent;
    this.#choice = choice;
    this.#state = new WorldState(deps.store, hexToBytes(parent.stateRoot));
    this.#height = parent.height + 1n;
    this.#proposer = new Address(choice.proposer);
    this.#block = createRunningBlock(deps.rules.common, choice, {
      height: this.#height,
      parentHash: hexToBytes(parent.hash),
      gasLimit: BigInt(deps.rules.spec.blockGasMax),
      baseFee: nextBaseFee(parent),
    });
  }

  /**
   * @param transactions - Run in this order.
   * @param onRefused - Called for one that cannot run; may throw to give up the block.
   */
  async run(
    transactions: readonly DecodedTransaction[],
    onRefused: (rejected: RejectedTransaction) => void,
  ): Promise<BlockRun> {
    const { modules } = this.#rules;
    const state = this.#state;
    const parentHash = hexToBytes(this.#parent.hash);
    await recordBlockBegin(state, { ...this.#choice, height: this.#height, parentHash });
    const begin: Log[] = [];
    await modules.runBeginBlock(this.#host(begin));
    const progress: Progress = {
      gasUsed: 0n,
      sizeBytes: HEADER_BYTES_MAX,
      feesWei: 0n,
      receipts: [],
      blooms: [],
      included: [],
      rejected: [],
    };
    if (transactions.length > 0) await this.#runAll(transactions, progress, onRefused);
    await payFees(state, this.#proposer, progress.feesWei);
    const end: Log[] = [];
    await modules.runEndBlock(this.#host(end));
    const hookLogs = { begin: begin.map(toRecord), end: end.map(toRecord) };
    await recordHookLogs(state, this.#height, hookLogs);
    return this.#seal(progress, hookLogs);
  }

  async #runAll(
    transactions: readonly DecodedTransaction[],
    progress: Progress,
    onRefused: (rejected: RejectedTransaction) => void,
  ): Promise<void> {
    const evm = await this.#createEVM();
    const { common } = this.#rules;
    const blockchain = evm.blockchain;
    const vm = await createVM({ common, stateManager: this.#state, blockchain, evm });
    let pauseAtGas = PAUSE_GAS;
    for (const transaction of transactions) {
      if (progress.gasUsed > pauseAtGas) {
        pauseAtGas = progress.gasUsed + PAUSE_GAS;
        await setImmediate();
      }
      const refused = await this.#runOne(vm, transaction, progress);
      if (evm.fatal !== undefined) throw evm.fatal;
      if (refused === undefined) continue;
      progress.rejected.push(refused);
      onRefused(refused);
    }
  }

  async #runOne(
    vm: VM,
    transaction: DecodedTransaction,
    progress: Progress,
  ): Promise<RejectedTransaction | undefined> {
    const { tx, hash, raw } = transaction;
    const refuse = (error: ExecutionError, mayRunLater: boolean) => ({ hash, error, mayRunLater });
    const sizeBytes = progress.sizeBytes + raw.length + TRANSACTION_FRAME_BYTES;
    const isFull = progress.gasUsed + tx.gasLimit > this.#block.header.gasLimit;
    if (isFull || sizeBytes > BLOCK_BYTES_MAX) {
      return refuse(new ExecutionError({ code: "BLOCK_INVALID", reason: "block is full" }), true);
    }
    const account = await this.#state.getAccount(tx.getSenderAddress());
    const baseFee = this.#block.header.baseFeePerGas ?? 0n;
    const error = checkAgainstAccount(transaction, account, baseFee);
    if (error !== undefined) return refuse(error, error.detail.code !== "NONCE_TOO_LOW");
    if (tx.nonce !== (account?.nonce ?? 0n)) {
      const expected = account?.nonce ?? 0n;
      const detail = { code: "NONCE_TOO_HIGH", nonce: tx.nonce, expected } as const;
      return refuse(new ExecutionError(detail), true);
    }
    let result: RunTxResult;
    try {
      result = await runTx(vm, { tx, block: this.#block, blockGasUsed: progress.gasUsed });
    } catch (cause) {
      if (cause instanceof ExecutionError) throw cause;
      this.#state.revertAll();
      const reason = cause instanceof Error ? cause.message : String(cause);
      return refuse(
        new ExecutionError({ code: "TRANSACTION_MALFORMED", reason }, { cause }),
        false,
      );
    }
    const fee = { paidWei: result.amountSpent, tipWei: result.minerValue };
    progress.feesWei += await collectFee(this.#state, this.#proposer, fee);
    progress.gasUsed += result.totalGasSpent;
    progress.sizeBytes = sizeBytes;
    progress.included.push(transaction);
    progress.receipts.push(receiptOf(transaction, result, progress.gasUsed));
    progress.blooms.push(result.bloom.bitvector);
    return undefined;
  }

  async #seal(
    progress: Progress,
    hookLogs: { readonly begin: readonly LogRecord[]; readonly end: readonly LogRecord[] },
  ): Promise<BlockRun> {
    const { modules, genesis, common } = this.#rules;
    const { receipts, blooms, included } = progress;
    const nextCommittee = await readCommittee(modules, this.#host([]), genesis);
    const { root, changes } = this.#state.seal();
    const encodedReceipts = receipts.map((receipt, at) =>
      encodeReceiptForTrie(receipt, blooms[at]!),
    );
    const header = createHeader(common, this.#choice, {
      height: this.#height,
      parentHash: hexToBytes(this.#parent.hash),
      gasLimit: this.#block.header.gasLimit,
      baseFee: this.#block.header.baseFeePerGas ?? 0n,
      extraData: committeeHash(nextCommittee),
      stateRoot: root,
      transactionsRoot: rootOfList(included.map(({ raw }) => raw)),
      receiptsRoot: rootOfList(encodedReceipts),
      logsBloom: bloomOf(blooms, [...hookLogs.begin, ...hookLogs.end]),
      gasUsed: progress.gasUsed,
    });
    const outcome = { receipts, beginLogs: hookLogs.begin, endLogs: hookLogs.end };
    const { rejected } = progress;
    return { header, transactions: included, rejected, outcome, changes, nextCommittee };
  }

  async #createEVM(): Promise<ModuleEVM> {
    const { common, spec, modules } = this.#rules;
    const blockchain = createBlockHashes(this.#store);
    const block = this.#facts();
    return new ModuleEVM({ common, spec, modules, state: this.#state, blockchain, block });
  }

  #host(logs: Log[]): ModuleHost {
    const { spec } = this.#rules;
    const chargeGas = () => undefined;
    return createStateHost({ spec, state: this.#state, block: this.#facts(), logs, chargeGas });
  }

  #facts() {
    const { timestampSeconds, beacon } = this.#choice;
    return { height: this.#height, timestampSeconds, beacon };
  }
}

/** Hashes of past blocks, for the BLOCKHASH opcode. */
export function createBlockHashes(store: BlockStore): EVMMockBlockchainInterface {
  const hashes: EVMMockBlockchainInterface = {
    async getBlock(height) {
      const hash = store.blockHash(BigInt(height));
      return { hash: () => (hash === undefined ? new Uint8Array(32) : hexToBytes(hash)) };
    },
    async putBlock() {
      assert.fail("blocks are committed elsewhere");
    },
    shallowCopy: () => hashes,
  };
  return hashes;
}

function receiptOf(
  { tx }: DecodedTransaction,
  result: RunTxResult,
  cumulativeGasUsed: bigint,
): ReceiptRecord {
  const gasUsed = result.totalGasSpent;
  return {
    type: tx.type,
    succeeded: result.execResult.exceptionError === undefined,
    gasUsed,
    cumulativeGasUsed,
    effectiveGasPrice: gasUsed === 0n ? 0n : result.amountSpent / gasUsed,
    contractAddress: tx.to === undefined ? result.createdAddress?.bytes : undefined,
    logs: (result.execResult.logs ?? []).map(toRecord),
  };
}

function toRecord([address, topics, data]: Log): LogRecord {
  return { address, topics, data };
}

/** Covers the logs of hooks too, so that a client that looks here first misses none. */
function bloomOf(blooms: readonly Uint8Array[], hookLogs: readonly LogRecord[]): Uint8Array {
  const bloom = new Bloom();
  for (const part of blooms) bloom.or(new Bloom(part));
  bloom.or(new Bloom(bloomOfLogs(hookLogs)));
  return bloom.bitvector;
}
