/**
 * The chain's application: builds, checks and commits blocks, and answers what the chain holds.
 *
 * One block at a time is built or executed, on top of the head. A block that is not committed
 * leaves no trace: its changes live in memory until `commitBlock` writes them in one transaction.
 * @module
 */
import { mkdirSync } from "node:fs";
import type { Committee } from "@cess/consensus/committee";
import { keccak256 } from "@cess/crypto/secp256k1";
import { type ChainSpec, chainSpecByName } from "@cess/params/chain-spec";
import type { Genesis, ModuleSet } from "@cess/protocol/module";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { Semaphore } from "@cess/std/semaphore";
import { nextBaseFee } from "./base-fee.ts";
import { decodeBlock, encodeBlock, type HeaderChoice, headerDifference } from "./block-format.ts";
import {
  type BlockRun,
  BlockRunner,
  type ChainRules,
  type RejectedTransaction,
} from "./block-runner.ts";
import { BlockStore } from "./block-store.ts";
import { type BlockSummary, summaryOf } from "./block-summary.ts";
import { CallRunner } from "./call-runner.ts";
import { chainCommon } from "./chain-common.ts";
import { ExecutionError } from "./error.ts";
import { createGenesisBlock } from "./genesis.ts";
import { toAddress } from "./module-host.ts";
import {
  checkAgainstAccount,
  type DecodedTransaction,
  maxFeePerGasOf,
  maxPriorityFeePerGasOf,
} from "./transaction.ts";
import { WorldState } from "./world-state.ts";

export interface ExecutorOptions {
  /** Of the database; made if it does not exist. */
  readonly directory: string;
  readonly genesis: Genesis;
  readonly modules: ModuleSet;
}

export interface BuildInput {
  /** Raised to one after the head's, if it is not later. */
  readonly timestampSeconds: bigint;
  /** Gets the proposer's share of the fees. */
  readonly proposer: Hex;
  /** 32 bytes: the header's `prevRandao`. */
  readonly beacon: Uint8Array;
  /** 32 bytes: the header's `parentBeaconBlockRoot`. */
  readonly lastCertificateHash: Uint8Array;
  /** Candidates in the order in which they shall run. */
  readonly transactions: readonly Uint8Array[];
}

export interface BuiltBlock extends ExecutedBlock {
  readonly block: Uint8Array;
  readonly rejected: readonly RejectedTransaction[];
}

export interface ExecutedBlock {
  readonly hash: Hex;
  readonly summary: BlockSummary;
  readonly transactionHashes: readonly Hex[];
  /** Decides the block after this one. */
  readonly nextCommittee: Committee;
}

/** What a mempool needs to know of a transaction. */
export interface PooledTransaction {
  readonly hash: Hex;
  readonly raw: Uint8Array;
  readonly sender: Hex;
  readonly nonce: bigint;
  /** Of the sender's account at the head: the transaction waits while this is lower. */
  readonly accountNonce: bigint;
  readonly gasLimit: bigint;
  /** Wei a unit of gas. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  /** Most the sender may have to pay, value and gas, in wei. */
  readonly maxCostWei: bigint;
  readonly sizeBytes: number;
}

/** Executed blocks of one height that wait for a decision: one a round, and a few to spare. */
const EXECUTED_COUNT_MAX = 16;

interface Executed {
  readonly run: BlockRun;
  readonly bytes: Uint8Array;
  readonly summary: BlockSummary;
}

/** Opens the chain in `directory`, or begins one there. */
export async function openExecutor(options: ExecutorOptions): Promise<Executor> {
  const { directory, genesis, modules } = options;
  const spec = chainSpecByName(genesis.spec);
  if (spec === undefined) {
    throw new ExecutionError({ code: "GENESIS_INVALID", reason: `no chain spec ${genesis.spec}` });
  }
  mkdirSync(directory, { recursive: true });
  const store = new BlockStore(directory);
  try {
    const rules = { spec, genesis, modules, common: chainCommon(spec) };
    const genesisHash = await ensureGenesis(rules, store);
    return new Executor(rules, store, genesisHash);
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

export class Executor extends CallRunner {
  readonly genesisHash: Hex;
  readonly #executed = new BoundedMap<Hex, Executed>(EXECUTED_COUNT_MAX);
  readonly #turn = new Semaphore(1);

  constructor(rules: ChainRules, store: BlockStore, genesisHash: Hex) {
    super(rules, store);
    this.genesisHash = genesisHash;
  }

  get spec(): ChainSpec {
    return this.rules.spec;
  }

  /** Runs candidates on top of the head, drops those that cannot run, and seals the block. */
  async buildBlock(input: BuildInput): Promise<BuiltBlock> {
    return this.#turn.run(async () => {
      const head = this.head();
      const earliest = head.timestampSeconds + 1n;
      const choice: HeaderChoice = {
        timestampSeconds: input.timestampSeconds < earliest ? earliest : input.timestampSeconds,
        proposer: hexToBytes(input.proposer, 20),
        beacon: input.beacon,
        lastCertificateHash: input.lastCertificateHash,
      };
      const malformed: RejectedTransaction[] = [];
      const candidates: DecodedTransaction[] = [];
      for (const raw of input.transactions) {
        try {
          candidates.push(this.decodeTransaction(raw));
        } catch (error) {
          if (!(error instanceof ExecutionError)) throw error;
          malformed.push({ hash: bytesToHex(keccak256(raw)), error, mayRunLater: false });
        }
      }
      const runner = new BlockRunner({ rules: this.rules, store: this.store }, head, choice);
      const run = await runner.run(candidates, () => undefined);
      const bytes = encodeBlock(
        run.header,
        run.transactions.map(({ raw }) => raw),
      );
      const executed = this.#remember(run, bytes);
      const rejected = [...malformed, ...run.rejected];
      return { ...describeExecuted(executed), block: bytes, rejected };
    });
  }

  /**
   * Executes a block on top of the head and compares every field of its header with what follows
   * from its parent and its transactions. The proposer, the beacon and the certificate hash are the
   * caller's to judge.
   *
   * @throws {@link ExecutionError} `BLOCK_INVALID`.
   */
  async executeBlock(block: Uint8Array): Promise<ExecutedBlock> {
    return this.#turn.run(async () => {
      const { header, transactions } = decodeBlock(this.rules.common, block);
      const known = this.#executed.get(bytesToHex(header.hash()));
      if (known !== undefined) return describeExecuted(known);
      const head = this.head();
      const claimed = summaryOf(header);
      checkAgainstParent(claimed, head);
      const choice: HeaderChoice = {
        timestampSeconds: claimed.timestampSeconds,
        proposer: hexToBytes(claimed.proposer),
        beacon: claimed.beacon,
        lastCertificateHash: claimed.lastCertificateHash,
      };
      const decoded = transactions.map((raw) => this.#decodeInBlock(raw));
      const runner = new BlockRunner({ rules: this.rules, store: this.store }, head, choice);
      const run = await runner.run(decoded, ({ hash, error }) => {
        throw invalid(`transaction ${hash}: ${error.message}`, error);
      });
      const difference = headerDifference(run.header, header);
      if (difference !== undefined) throw invalid(`${difference} is wrong`);
      return describeExecuted(this.#remember(run, block));
    });
  }

  /**
   * Makes an executed block the head. Returns once it is on disk; then a crash loses nothing of it.
   *
   * @throws {@link ExecutionError} `BLOCK_UNKNOWN` if it was not executed on top of this head.
   */
  async commitBlock(hash: Hex): Promise<BlockSummary> {
    return this.#turn.run(async () => {
      const executed = this.#executed.get(hash);
      const isNext = executed?.summary.parentHash === this.head().hash;
      if (executed === undefined || !isNext) {
        throw new ExecutionError({ code: "BLOCK_UNKNOWN", block: hash });
      }
      const { run, bytes, summary } = executed;
      this.store.commit({
        hash,
        height: summary.height,
        bytes,
        header: run.header,
        transactionHashes: run.transactions.map((transaction) => transaction.hash),
        outcome: run.outcome,
        changes: run.changes,
      });
      this.headChanged(summary);
      for (const other of [...this.#executed.values()]) this.#executed.delete(other.summary.hash);
      return summary;
    });
  }

  /**
   * What a mempool asks before it takes a transaction: that it is well-formed, signed, affordable
   * and not used up at the head. Its nonce may be ahead.
   *
   * @throws {@link ExecutionError} saying why not.
   */
  async checkTransaction(raw: Uint8Array): Promise<PooledTransaction> {
    const transaction = this.decodeTransaction(raw);
    const { tx, hash, sender } = transaction;
    const head = this.head();
    const state = new WorldState(this.store, hexToBytes(head.stateRoot));
    const account = await state.getAccount(toAddress(sender));
    const error = checkAgainstAccount(transaction, account, nextBaseFee(head));
    if (error !== undefined) throw error;
    const maxFeePerGas = maxFeePerGasOf(tx);
    return {
      hash,
      raw,
      sender,
      nonce: tx.nonce,
      accountNonce: account?.nonce ?? 0n,
      gasLimit: tx.gasLimit,
      maxFeePerGas,
      maxPriorityFeePerGas: maxPriorityFeePerGasOf(tx),
      maxCostWei: tx.value + tx.gasLimit * maxFeePerGas,
      sizeBytes: raw.length,
    };
  }

  /** Ends all use of the database. */
  async close(): Promise<void> {
    await this.#turn.run(() => this.store.close());
  }

  #remember(run: BlockRun, bytes: Uint8Array): Executed {
    const executed = { run, bytes, summary: summaryOf(run.header) };
    this.#executed.set(executed.summary.hash, executed);
    return executed;
  }

  #decodeInBlock(raw: Uint8Array): DecodedTransaction {
    try {
      return this.decodeTransaction(raw);
    } catch (cause) {
      if (cause instanceof ExecutionError) throw invalid(cause.message, cause);
      throw cause;
    }
  }
}

function checkAgainstParent(claimed: BlockSummary, head: BlockSummary): void {
  if (claimed.parentHash !== head.hash) {
    throw invalid(`its parent ${claimed.parentHash} is not the head ${head.hash}`);
  }
  if (claimed.timestampSeconds <= head.timestampSeconds) throw invalid("not later than its parent");
}

function describeExecuted({ run, summary }: Executed): ExecutedBlock {
  const transactionHashes = run.transactions.map(({ hash }) => hash);
  return { hash: summary.hash, summary, transactionHashes, nextCommittee: run.nextCommittee };
}

async function ensureGenesis(rules: ChainRules, store: BlockStore): Promise<Hex> {
  const { header, outcome, changes } = await createGenesisBlock(rules, store);
  const hash = bytesToHex(header.hash());
  const found = store.blockHash(0n);
  if (found === undefined) {
    const block = { hash, height: 0n, transactionHashes: [], outcome, changes };
    store.commit({ ...block, bytes: encodeBlock(header, []), header });
  } else if (found !== hash) {
    throw new ExecutionError({ code: "DATABASE_FOREIGN", expected: hash, found });
  }
  return hash;
}

function invalid(reason: string, cause?: unknown): ExecutionError {
  return new ExecutionError({ code: "BLOCK_INVALID", reason }, { cause });
}
