/**
 * What the chain holds, at any block: headers, transactions, receipts, accounts and proofs.
 * @module
 */
import assert from "node:assert/strict";
import type { Committee } from "@cess/consensus/committee";
import { keccak256 } from "@cess/crypto/secp256k1";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { nextBaseFee } from "./base-fee.ts";
import { decodeBlock, headerFromFields } from "./block-format.ts";
import type { ChainRules } from "./block-runner.ts";
import type { BlockStore } from "./block-store.ts";
import { type BlockSummary, summaryOf } from "./block-summary.ts";
import { readCommittee } from "./committee-reader.ts";
import { decodeOnce } from "./decode-once.ts";
import { ExecutionError } from "./error.ts";
import { type LogView, logsOfBlock } from "./log-query.ts";
import { createStateHost, toAddress } from "./module-host.ts";
import type { BlockOutcome } from "./receipt.ts";
import type { DecodedTransaction } from "./transaction.ts";
import { type TransactionView, viewOf } from "./transaction-view.ts";
import { proveInTrie } from "./trie.ts";
import { EMPTY_ROOT } from "./trie-node.ts";
import { WorldState } from "./world-state.ts";

/** A block of this chain: by height, by hash, or the head. */
export type BlockReference = bigint | Hex | "latest";

export interface StoredBlockView {
  readonly summary: BlockSummary;
  readonly sizeBytes: number;
  /** As they were sent. */
  readonly transactions: readonly Uint8Array[];
  readonly transactionHashes: readonly Hex[];
}

export interface AccountView {
  readonly balanceWei: bigint;
  readonly nonce: bigint;
  readonly code: Uint8Array;
}

/** Of one slot: nodes from the account's storage root towards it. */
export interface StorageProof {
  readonly key: Hex;
  readonly value: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

export interface AccountProof {
  readonly address: Hex;
  readonly balanceWei: bigint;
  readonly nonce: bigint;
  readonly codeHash: Hex;
  readonly storageHash: Hex;
  readonly accountProof: readonly Uint8Array[];
  readonly storageProof: readonly StorageProof[];
}

const SUMMARIES_COUNT_MAX = 4096;
const BLOCKS_REMEMBERED = 16;

export class ChainReader {
  protected readonly rules: ChainRules;
  protected readonly store: BlockStore;
  readonly #summaries = new BoundedMap<Hex, BlockSummary>(SUMMARIES_COUNT_MAX);
  /** PERF: every subscriber asks for the logs of each new block. */
  readonly #logs = new BoundedMap<Hex, readonly LogView[]>(BLOCKS_REMEMBERED);
  /** PERF: whoever sent a transaction of a block asks for its receipt, one by one. */
  readonly #blocks = new BoundedMap<Hex, StoredBlockView>(BLOCKS_REMEMBERED);
  readonly #outcomes = new BoundedMap<Hex, BlockOutcome>(BLOCKS_REMEMBERED);
  #head: BlockSummary;

  constructor(rules: ChainRules, store: BlockStore) {
    this.rules = rules;
    this.store = store;
    const hash = store.headHash;
    assert(hash !== undefined, "a chain has at least its genesis");
    this.#head = this.#summary(hash);
  }

  head(): BlockSummary {
    return this.#head;
  }

  protected headChanged(summary: BlockSummary): void {
    this.#head = summary;
  }

  /** Base fee of the block after the head, in wei a unit of gas. */
  nextBaseFee(): bigint {
    return nextBaseFee(this.#head);
  }

  /** @throws {@link ExecutionError} `BLOCK_UNKNOWN`. */
  summaryAt(reference: BlockReference): BlockSummary {
    if (reference === "latest" || reference === this.#head.hash) return this.#head;
    return this.#summary(this.#hashOf(reference));
  }

  /** @throws {@link ExecutionError} `BLOCK_UNKNOWN`. */
  blockBytes(reference: BlockReference): Uint8Array {
    const hash = this.#hashOf(reference);
    const bytes = this.store.blockBytes(hash);
    if (bytes === undefined) throw unknownBlock(reference);
    return bytes;
  }

  /** @throws {@link ExecutionError} `BLOCK_UNKNOWN`. */
  blockAt(reference: BlockReference): StoredBlockView {
    const hash = this.#hashOf(reference);
    const known = this.#blocks.get(hash);
    if (known !== undefined) return known;
    const bytes = this.blockBytes(hash);
    const { header, transactions } = decodeBlock(this.rules.common, bytes);
    const transactionHashes = transactions.map((raw) => bytesToHex(keccak256(raw)));
    const sizeBytes = bytes.length;
    const block = { summary: summaryOf(header), sizeBytes, transactions, transactionHashes };
    this.#blocks.set(hash, block);
    return block;
  }

  /** @throws {@link ExecutionError} `BLOCK_UNKNOWN`. */
  transactionHashes(reference: BlockReference): readonly Hex[] {
    return this.blockAt(reference).transactionHashes;
  }

  /** @throws {@link ExecutionError} `BLOCK_UNKNOWN`. */
  outcomeAt(reference: BlockReference): BlockOutcome {
    const hash = this.#hashOf(reference);
    const known = this.#outcomes.get(hash);
    if (known !== undefined) return known;
    const outcome = this.store.outcome(hash);
    if (outcome === undefined) throw unknownBlock(reference);
    this.#outcomes.set(hash, outcome);
    return outcome;
  }

  /** Where a transaction is in the chain; undefined if it is not. */
  transactionPlace(hash: Hex): { readonly blockHash: Hex; readonly index: number } | undefined {
    return this.store.transactionPlace(hash);
  }

  /**
   * A transaction in plain values, whether it is in the chain or not.
   *
   * @throws {@link ExecutionError} as {@link decodeOnce}.
   */
  describeTransaction(raw: Uint8Array): TransactionView {
    return viewOf(this.decodeTransaction(raw));
  }

  /**
   * All logs of a block, those of its hooks among them.
   *
   * @throws {@link ExecutionError} `BLOCK_UNKNOWN`.
   */
  logsAt(reference: BlockReference): readonly LogView[] {
    const { hash, height } = this.summaryAt(reference);
    const known = this.#logs.get(hash);
    if (known !== undefined) return known;
    const outcome = this.outcomeAt(hash);
    const transactionHashes = this.transactionHashes(hash);
    const logs = logsOfBlock({ hash, height, outcome, transactionHashes });
    this.#logs.set(hash, logs);
    return logs;
  }

  logsBloom(height: bigint): Uint8Array | undefined {
    return this.store.logsBloom(height);
  }

  async accountAt(address: Hex, reference: BlockReference): Promise<AccountView> {
    const state = this.stateAt(this.summaryAt(reference));
    const account = await state.getAccount(toAddress(address));
    return {
      balanceWei: account?.balance ?? 0n,
      nonce: account?.nonce ?? 0n,
      code: await state.getCode(toAddress(address)),
    };
  }

  /** The value of a slot: up to 32 bytes for contracts, any length for modules. */
  storageAt(address: Hex, key: Uint8Array, reference: BlockReference): Uint8Array {
    return this.stateAt(this.summaryAt(reference)).getRecord(toAddress(address), key);
  }

  /** @see https://eips.ethereum.org/EIPS/eip-1186 */
  async proofAt(
    address: Hex,
    keys: readonly Uint8Array[],
    reference: BlockReference,
  ): Promise<AccountProof> {
    const { stateRoot } = this.summaryAt(reference);
    const state = new WorldState(this.store, hexToBytes(stateRoot));
    const at = toAddress(address);
    const account = await state.getAccount(at);
    const storageRoot = account?.storageRoot ?? EMPTY_ROOT;
    const storageProof = keys.map((key) => ({
      key: bytesToHex(key),
      value: state.getRecord(at, key),
      proof: proveInTrie(this.store, storageRoot, keccak256(key)),
    }));
    return {
      address,
      balanceWei: account?.balance ?? 0n,
      nonce: account?.nonce ?? 0n,
      codeHash: bytesToHex(account?.codeHash ?? keccak256(new Uint8Array())),
      storageHash: bytesToHex(storageRoot),
      accountProof: proveInTrie(this.store, hexToBytes(stateRoot), keccak256(at.bytes)),
      storageProof,
    };
  }

  /**
   * Who decides the block at `height`: known for the head's successor and everything before it.
   *
   * @throws {@link ExecutionError} `BLOCK_UNKNOWN`.
   */
  async committeeAt(height: bigint): Promise<Committee> {
    const { spec, modules, genesis } = this.rules;
    const parent = this.summaryAt(height - 1n);
    const state = this.stateAt(parent);
    const chargeGas = () => undefined;
    const host = createStateHost({ spec, state, block: parent, logs: [], chargeGas });
    return readCommittee(modules, host, genesis);
  }

  protected stateAt(summary: BlockSummary): WorldState {
    return new WorldState(this.store, hexToBytes(summary.stateRoot));
  }

  protected decodeTransaction(raw: Uint8Array): DecodedTransaction {
    return decodeOnce(this.rules.common, raw);
  }

  #hashOf(reference: BlockReference): Hex {
    if (reference === "latest") return this.#head.hash;
    if (typeof reference === "string") return reference;
    const hash = reference < 0n ? undefined : this.store.blockHash(reference);
    if (hash === undefined) throw unknownBlock(reference);
    return hash;
  }

  #summary(hash: Hex): BlockSummary {
    const known = this.#summaries.get(hash);
    if (known !== undefined) return known;
    const fields = this.store.headerFields(hash);
    if (fields === undefined) throw unknownBlock(hash);
    const summary = summaryOf(headerFromFields(this.rules.common, fields));
    this.#summaries.set(hash, summary);
    return summary;
  }
}

function unknownBlock(reference: BlockReference): ExecutionError {
  return new ExecutionError({ code: "BLOCK_UNKNOWN", block: reference.toString() });
}
