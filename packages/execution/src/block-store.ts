/**
 * The chain on disk: one LMDB environment, one durable transaction for each block.
 *
 * States are kept for all blocks: nodes are named by their hash and never removed, so the database
 * grows with what blocks change.
 * @module
 */
import assert from "node:assert/strict";
import { decode, encode } from "@cess/codec/codec";
import { bigintToBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import type { BlockHeader } from "@ethereumjs/block";
import { RLP } from "@ethereumjs/rlp";
import { type Database, open, type RootDatabase } from "lmdb";
import { ExecutionError } from "./error.ts";
import { NodeCache } from "./node-cache.ts";
import { type BlockOutcome, outcomeCodec } from "./receipt.ts";
import type { NodeReader } from "./trie.ts";
import { decodeNode, type TrieNode } from "./trie-node.ts";
import type { CodeReader, StateChanges } from "./world-state.ts";

export interface StoredBlock {
  readonly hash: Hex;
  readonly height: bigint;
  readonly bytes: Uint8Array;
  readonly header: BlockHeader;
  readonly transactionHashes: readonly Hex[];
  readonly outcome: BlockOutcome;
  readonly changes: StateChanges;
}

export interface TransactionPlace {
  readonly blockHash: Hex;
  readonly index: number;
}

const NODE_CACHE_COUNT_MAX = 50_000;
const HEAD_KEY = Buffer.from("head");

type Table = Database<Uint8Array, Buffer>;

export class BlockStore implements NodeReader, CodeReader {
  readonly #root: RootDatabase<Uint8Array, Buffer>;
  readonly #nodes: Table;
  readonly #codes: Table;
  readonly #blocks: Table;
  readonly #headers: Table;
  readonly #outcomes: Table;
  readonly #hashes: Table;
  readonly #blooms: Table;
  readonly #transactions: Table;
  readonly #meta: Table;
  readonly #nodeCache = new NodeCache(NODE_CACHE_COUNT_MAX);

  constructor(directory: string) {
    this.#root = open<Uint8Array, Buffer>({
      path: directory,
      maxDbs: 16,
      ...BINARY,
    });
    const table = (name: string): Table => this.#root.openDB({ name, ...BINARY });
    this.#nodes = table("nodes");
    this.#codes = table("codes");
    this.#blocks = table("blocks");
    this.#headers = table("headers");
    this.#outcomes = table("outcomes");
    this.#hashes = table("hashes");
    this.#blooms = table("blooms");
    this.#transactions = table("transactions");
    this.#meta = table("meta");
  }

  node(hash: Uint8Array): TrieNode {
    const key = asKey(hash);
    const name = key.toString("latin1");
    const known = this.#nodeCache.get(name);
    if (known !== undefined) return known;
    const encoded = this.#nodes.get(key);
    if (encoded === undefined) {
      throw new ExecutionError({ code: "STATE_MISSING", hash: bytesToHex(hash) });
    }
    const node = decodeNode(new Uint8Array(encoded));
    this.#nodeCache.set(name, node);
    return node;
  }

  code(hash: Uint8Array): Uint8Array {
    const code = this.#codes.get(asKey(hash));
    if (code === undefined) {
      throw new ExecutionError({ code: "STATE_MISSING", hash: bytesToHex(hash) });
    }
    return new Uint8Array(code);
  }

  get headHash(): Hex | undefined {
    return optionalHex(this.#meta.get(HEAD_KEY));
  }

  blockHash(height: bigint): Hex | undefined {
    return optionalHex(this.#hashes.get(heightKey(height)));
  }

  blockBytes(hash: Hex): Uint8Array | undefined {
    const bytes = this.#blocks.get(asKey(hexToBytes(hash)));
    return bytes === undefined ? undefined : new Uint8Array(bytes);
  }

  /** PERF: without it, reading a header would cost as much as the block is long. */
  headerFields(hash: Hex): readonly Uint8Array[] | undefined {
    const bytes = this.#headers.get(asKey(hexToBytes(hash)));
    return bytes === undefined ? undefined : (RLP.decode(new Uint8Array(bytes)) as Uint8Array[]);
  }

  outcome(hash: Hex): BlockOutcome | undefined {
    const bytes = this.#outcomes.get(asKey(hexToBytes(hash)));
    return bytes === undefined ? undefined : decode(outcomeCodec, new Uint8Array(bytes));
  }

  logsBloom(height: bigint): Uint8Array | undefined {
    return this.#blooms.get(heightKey(height));
  }

  transactionPlace(hash: Hex): TransactionPlace | undefined {
    const bytes = this.#transactions.get(asKey(hexToBytes(hash)));
    if (bytes === undefined) return undefined;
    const place = Buffer.from(bytes);
    return { blockHash: bytesToHex(place.subarray(0, 32)), index: place.readUInt32BE(32) };
  }

  /** Makes `block` the head. Returns when it is on disk, whole. */
  commit(block: StoredBlock): void {
    const hash = asKey(hexToBytes(block.hash));
    this.#root.transactionSync(() => {
      for (const { hash, encoded } of block.changes.nodes.values()) {
        this.#nodes.putSync(asKey(hash), encoded);
      }
      for (const { hash, code } of block.changes.codes.values()) {
        this.#codes.putSync(asKey(hash), code);
      }
      this.#blocks.putSync(hash, block.bytes);
      this.#headers.putSync(hash, RLP.encode(block.header.raw()));
      this.#outcomes.putSync(hash, encode(outcomeCodec, block.outcome));
      this.#blooms.putSync(heightKey(block.height), block.header.logsBloom);
      for (const [index, transaction] of block.transactionHashes.entries()) {
        const place = concatBytes(hash, bigintToBytes(BigInt(index), 4));
        this.#transactions.putSync(asKey(hexToBytes(transaction)), place);
      }
      this.#hashes.putSync(heightKey(block.height), hash);
      this.#meta.putSync(HEAD_KEY, hash);
    });
    assert.equal(this.headHash, block.hash);
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}

const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;

function asKey(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function heightKey(height: bigint): Buffer {
  return asKey(bigintToBytes(height, 8));
}

function optionalHex(bytes: Uint8Array | undefined): Hex | undefined {
  return bytes === undefined ? undefined : bytesToHex(bytes);
}
