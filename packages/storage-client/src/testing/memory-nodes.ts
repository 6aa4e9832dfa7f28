import { createBLSKeyPair, signBLS } from "@cess/crypto/bls";
import { merkleRootOfHashes } from "@cess/crypto/merkle";
import { fragmentLeafHashes, isFragmentOf } from "@cess/erasure/ids";
import { profileById } from "@cess/params/profile";
import { receiptMessage } from "@cess/protocol/messages";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type { ReceiptRequest } from "@cess/storage-wire/receipt-request";
import { StorageClientError } from "../error.ts";
import type { NodeClient } from "../node-client.ts";
import type { MinerDirectory, StorageMiner } from "../placement.ts";

export const TEST_CHAIN_ID = 7;

/** What a test can do to a node. */
export interface Faults {
  isDead?: boolean;
  /** Stops taking bytes after this many, without an answer, until the request is given up. */
  hangsAfterBytes?: number;
  /** Reports dead after this many bytes of uploads. */
  diesAfterBytes?: number;
  readonly readDelayMs?: number;
  /** Signs something else than it should, or does not sign at all. */
  receipts?: "forged" | "garbage";
}

interface MemoryNode {
  readonly miner: StorageMiner;
  readonly faults: Faults;
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly fragments: Map<Hex, Uint8Array>;
  readonly places: Map<string, Hex>;
}

/** Storage nodes in memory, which check what real ones check and fail as a test tells them to. */
export class MemoryNodes implements NodeClient, MinerDirectory {
  readonly nodes: readonly MemoryNode[];
  reads = 0;

  constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_, index) => createNode(index));
  }

  activeMiners(): readonly StorageMiner[] {
    return this.nodes.map(({ miner }) => miner);
  }

  minerOf(account: Hex): StorageMiner | undefined {
    return this.nodes.find(({ miner }) => miner.account === account)?.miner;
  }

  async storeFragment(
    miner: StorageMiner,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Hex> {
    const node = this.#alive(miner);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) {
      chunks.push(chunk);
      await this.#suffer(node, chunk.length, signal);
    }
    const bytes = new Uint8Array(Buffer.concat(chunks));
    const id = bytesToHex(merkleRootOfHashes(fragmentLeafHashes(bytes)));
    node.fragments.set(id, bytes);
    return id;
  }

  async storeColumn(
    miner: StorageMiner,
    request: ReceiptRequest,
    { bytes, signal }: { readonly bytes: Uint8Array; readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const node = this.#alive(miner);
    await this.#suffer(node, bytes.length, signal);
    node.fragments.set(bytesToHex(merkleRootOfHashes(fragmentLeafHashes(bytes))), bytes.slice());
    return this.takeReceipt(miner, request);
  }

  async takeReceipt(miner: StorageMiner, request: ReceiptRequest): Promise<Uint8Array> {
    const node = this.#alive(miner);
    const { fid, sizeBytes, profileId, column, placement } = request;
    const profile = profileById(profileId);
    const identity = { fid: hexToBytes(fid), profile, fileSizeBytes: Number(sizeBytes) };
    if (profile === undefined || placement[column] !== miner.account) throw failed(miner, "place");
    const place = `${fid}/0/${column}`;
    const isRenewal = request.fragments.length === 0;
    if (isRenewal && !node.fragments.has(node.places.get(place) ?? "0x")) {
      throw failed(miner, "nothing to sign again");
    }
    for (const { fragmentId, path } of request.fragments) {
      const isHeld = node.fragments.has(fragmentId);
      if (!isHeld) throw failed(miner, "fragment not held");
      if (!isFragmentOf({ ...identity, profile }, hexToBytes(fragmentId), path)) {
        throw failed(miner, "path");
      }
      node.places.set(`${fid}/${path.segmentIndex}/${column}`, fragmentId);
    }
    const statement = { ...request, sizeBytes: Number(sizeBytes) };
    const message = receiptMessage({ ...statement, chainId: TEST_CHAIN_ID });
    if (node.faults.receipts === "garbage") return new Uint8Array(96).fill(7);
    const isForged = node.faults.receipts === "forged";
    return signBLS(isForged ? new Uint8Array(32) : message, node.secretKey);
  }

  async readFragment(miner: StorageMiner, id: Hex): Promise<Uint8Array> {
    const bytes = this.#alive(miner).fragments.get(id);
    if (bytes === undefined) throw failed(miner, "unknown fragment");
    return bytes;
  }

  async readRange(
    miner: StorageMiner,
    { file, place, range }: Parameters<NodeClient["readRange"]>[1],
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const node = this.#alive(miner);
    this.reads += 1;
    if (node.faults.readDelayMs !== undefined) await delay(node.faults.readDelayMs, signal);
    const id = node.places.get(`${file.fid}/${place.segment}/${place.column}`);
    const bytes = id && node.fragments.get(id);
    if (!bytes) throw failed(miner, "unknown place");
    return bytes.slice(range.offset, range.offset + range.length);
  }

  #alive(miner: StorageMiner): MemoryNode {
    const node = this.nodes.find((each) => each.miner.account === miner.account);
    if (node === undefined || node.faults.isDead) throw failed(miner, "dead");
    return node;
  }

  async #suffer({ faults, miner }: MemoryNode, sizeBytes: number, signal: AbortSignal) {
    if (faults.diesAfterBytes !== undefined) {
      faults.diesAfterBytes -= sizeBytes;
      if (faults.diesAfterBytes < 0) {
        faults.isDead = true;
        throw failed(miner, "died");
      }
    }
    if (faults.hangsAfterBytes !== undefined) {
      faults.hangsAfterBytes -= sizeBytes;
      if (faults.hangsAfterBytes < 0) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw failed(miner, "hung");
      }
    }
  }
}

function createNode(index: number): MemoryNode {
  const seed = new Uint8Array(32).fill(index + 1);
  const account: Hex = `0x${(index + 1).toString(16).padStart(40, "0")}`;
  const space = { declaredBytes: 2 ** 40, freeBytes: 2 ** 40 };
  const keys = createBLSKeyPair(seed);
  const blsPublicKey = keys.publicKey;
  return {
    miner: { account, endpoint: `memory:${index}`, blsPublicKey, region: `r${index}`, ...space },
    faults: {},
    ...keys,
    fragments: new Map(),
    places: new Map(),
  };
}

function failed({ account }: StorageMiner, reason: string): StorageClientError {
  return new StorageClientError({ code: "NODE_FAILED", account, status: 0, reason });
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
