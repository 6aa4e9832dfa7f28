/**
 * One storage node on a chain in memory, and what a gateway would send it.
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDirectory, type Directory } from "@cess/chain-client/directory";
import { MemoryChain } from "@cess/chain-client/testing/memory-chain";
import { createBLSKeyPair } from "@cess/crypto/bls";
import { privateKeyToAddressHex } from "@cess/crypto/secp256k1";
import { createFragmentPath, fileIdOf } from "@cess/erasure/ids";
import { encodeSegment, SegmentEncoder } from "@cess/erasure/segment-encoder";
import { type ChainSpec, DEV } from "@cess/params/chain-spec";
import { columnCount, PROFILES, type Profile, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { createPodr2Pool, type Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { GIB } from "@cess/std/units";
import type { ReceiptRequest } from "@cess/storage-wire/receipt-request";
import { signTicket, TICKET_RIGHTS, type Ticket } from "@cess/storage-wire/ticket";
import { createStorageNode, type StorageNode, type StorageNodeConfig } from "../storage-node.ts";

export interface TestFile {
  readonly fid: Hex;
  readonly profile: Profile;
  readonly sizeBytes: number;
  /** By segment, then by column. */
  readonly fragments: readonly (readonly Uint8Array[])[];
  /** What to ask the miner of `column` for: receipts for a territory called as the file. */
  receiptRequest(column: number, placement: readonly Hex[]): ReceiptRequest;
}

export interface TestBed {
  readonly chain: MemoryChain;
  readonly directory: Directory;
  readonly pool: Podr2Pool;
  readonly gatewayKey: Uint8Array;
  readonly folder: string;
  /** A node with an account of its own for each `index`. */
  createNode(index: number, config?: Partial<StorageNodeConfig>): StorageNode;
  /** Stops what was created, and removes all files. */
  close(): Promise<void>;
}

/** Of receipts; before it lie all blocks of a test. */
export const TEST_EXPIRY_BLOCK: bigint = BigInt(DEV.unclaimedBlocks);
export const testSpec: ChainSpec = { ...DEV, blockMs: 100 };

/** Key of an account or of a miner's receipts. */
export function testKey(fill: number): Uint8Array {
  return new Uint8Array(32).fill(fill);
}

export async function createTestBed(): Promise<TestBed> {
  const folder = await mkdtemp(join(tmpdir(), "cess-storage-node-"));
  const chain = new MemoryChain(testSpec.chainId);
  const gatewayKey = testKey(200);
  chain.registerGateway(privateKeyToAddressHex(gatewayKey));
  const deps = { clock: systemClock, log: silentLogger };
  const reader = chain.senderOf(gatewayKey);
  const directory = createDirectory({ ...deps, chain: reader }, { refreshMs: 100 });
  const pool = createPodr2Pool({ threads: 1, queueMax: 64 });
  const nodes: StorageNode[] = [];
  await directory.start();
  return {
    chain,
    directory,
    pool,
    gatewayKey,
    folder,
    createNode(index, config = {}) {
      const privateKey = testKey(index + 1);
      const node = createStorageNode(
        {
          ...deps,
          chain: chain.senderOf(privateKey),
          directory,
          pool,
          random: systemRandom,
          metrics: createPrometheusMetrics(),
        },
        {
          spec: testSpec,
          privateKey,
          blsSecretKey: createBLSKeyPair(privateKey).secretKey,
          dataDirectory: join(folder, `node-${index}`),
          host: "127.0.0.1",
          port: 0,
          region: "",
          declaredBytes: GIB,
          diskReserveBytes: 0,
          scrubIntervalMs: 60_000,
          ...config,
        },
      );
      nodes.push(node);
      return node;
    },
    async close() {
      for (const node of nodes) await node.stop();
      await directory.stop();
      await pool.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** A ticket of the gateway for `audience`, changed as a test wants. */
export function testTicket(
  bed: TestBed,
  audience: Hex,
  change: Partial<Ticket> & { readonly privateKey?: Uint8Array } = {},
): string {
  const { privateKey = bed.gatewayKey, ...changed } = change;
  const ticket = {
    audience,
    rights: TICKET_RIGHTS.read | TICKET_RIGHTS.write,
    expiryMs: BigInt(Date.now() + 60_000),
    bytesMax: 1n << 30n,
    nonce: new Uint8Array(16),
    ...changed,
  };
  return signTicket(ticket, { chainId: testSpec.chainId, privateKey });
}

/** Codes a file as a client would. */
export function encodeTestFile(bytes: Uint8Array, profile: Profile = PROFILES.standard): TestFile {
  const encoder = new SegmentEncoder(profile);
  const count = Math.ceil(bytes.length / SEGMENT_BYTES_MAX);
  const segments = Array.from({ length: count }, (_, index) => {
    const start = index * SEGMENT_BYTES_MAX;
    return encodeSegment(encoder, bytes.subarray(start, start + SEGMENT_BYTES_MAX));
  });
  const segmentIds = segments.map(({ segment }) => segment.segmentId);
  const fid = bytesToHex(fileIdOf({ profile, fileSizeBytes: bytes.length }, segmentIds));
  return {
    fid,
    profile,
    sizeBytes: bytes.length,
    fragments: segments.map(({ fragments }) => fragments),
    receiptRequest: (column, placement) => ({
      fid,
      sizeBytes: BigInt(bytes.length),
      profileId: profile.id,
      column,
      territory: fid,
      expiryBlock: TEST_EXPIRY_BLOCK,
      placement,
      fragments: segments.map(({ segment: { fragmentIds } }, segmentIndex) => ({
        fragmentId: bytesToHex(fragmentIds[column] as Uint8Array),
        path: createFragmentPath({ segmentIndex, column }, { segmentIds, fragmentIds }),
      })),
    }),
  };
}

/** A placement with only `column` given. */
export function placeOnly(profile: Profile, column: number, account: Hex): Hex[] {
  const placement = new Array<Hex>(columnCount(profile)).fill(ZERO_ADDRESS);
  placement[column] = account;
  return placement;
}

/** Resolves once `isDone` says so. */
export async function eventually(isDone: () => boolean, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!isDone()) {
    if (performance.now() > endMs) throw new RangeError("it did not come about in time");
    await systemClock.sleep(20);
  }
}
