/**
 * A FileStore and a Declarer in memory, for tests: they keep their contracts, so that a body that
 * ends with an error is not stored, and what was removed is gone.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { bytesToHex, concatBytes, type Hex } from "@cess/std/bytes";
import { StorageClientError } from "@cess/storage-client/error";
import type {
  Declaration,
  Declarer,
  Extent,
  FileStore,
  StoredObject,
  WriteOptions,
} from "@cess/storage-client/file-store";

/** What the network holds and what tests may do to it. */
export interface MemoryState {
  /** Bytes of each extent by its data key. */
  readonly extents: Map<Hex, Uint8Array>;
  /** Files on the chain, and taken off it. */
  readonly declared: Set<Hex>;
  readonly removed: Set<Hex>;
  /** Sizes of the batches that were declared. */
  readonly batches: number[];
  /** Files that the chain refuses. */
  readonly refused: Set<Hex>;
  /** Height of the chain: declarations whose receipts end before it are refused. */
  height: number;
  /** Files whose miners hold them no more: their receipts cannot be renewed. */
  readonly dropped: Set<Hex>;
  /** Files that the store was told of after a restart. */
  readonly remembered: Set<Hex>;
  /** Bytes handed out by reads so far. */
  readBytes: number;
  isReachable: boolean;
  isReadable: boolean;
}

export interface MemoryNetwork extends MemoryState {
  readonly fileStore: FileStore;
  readonly declarer: Declarer;
}

export interface MemoryNetworkOptions {
  /** Objects that share a bundle. */
  readonly bundleObjects: number;
}

const PIECE_BYTES = 65_536;
/** How long receipts are good for. */
export const RECEIPT_BLOCKS = 100;

export function createMemoryNetwork(
  options: MemoryNetworkOptions = { bundleObjects: 1 },
): MemoryNetwork {
  const state: MemoryState = {
    extents: new Map(),
    declared: new Set(),
    removed: new Set(),
    batches: [],
    refused: new Set(),
    height: 0,
    dropped: new Set(),
    remembered: new Set(),
    readBytes: 0,
    isReachable: true,
    isReadable: true,
  };
  const fileStore = createFileStore(state, options);
  // One object, so that a test's changes are seen by the parts.
  return Object.assign(state, { fileStore, declarer: createDeclarer(state) });
}

function createFileStore(state: MemoryState, { bundleObjects }: MemoryNetworkOptions): FileStore {
  let bundle = { fid: randomFid(), count: 0 };

  function bundleFid(): Hex {
    if (bundle.count === bundleObjects) bundle = { fid: randomFid(), count: 0 };
    bundle.count += 1;
    return bundle.fid;
  }

  function keep(bytes: Uint8Array, fid: Hex, { territory, profile }: WriteOptions): StoredObject {
    const extent: Extent = {
      fid,
      fileSizeBytes: bytes.length,
      profileId: profile.id,
      territory,
      offset: 0,
      sealedBytes: bytes.length,
      sizeBytes: bytes.length,
      dataKey: new Uint8Array(randomBytes(32)),
    };
    state.extents.set(bytesToHex(extent.dataKey), bytes);
    return { extent, declaration: declarationOf(extent) };
  }

  return {
    remember: ({ fid }) => void state.remembered.add(fid),
    async renew(declaration) {
      if (state.dropped.has(declaration.fid)) {
        const counts = { needCount: 8, haveCount: 0 };
        throw new StorageClientError({ code: "TOO_FEW_NODES", ...counts, reason: "dropped" });
      }
      return { ...declaration, expiryBlock: BigInt(state.height + RECEIPT_BLOCKS) };
    },
    async receiptState({ expiryBlock }) {
      if (Number(expiryBlock) < state.height) return "expired";
      return Number(expiryBlock) < state.height + RECEIPT_BLOCKS / 4 ? "expiring" : "good";
    },
    async write(body, options) {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(new Uint8Array(piece));
      options.signal.throwIfAborted();
      return keep(concatBytes(...pieces), randomFid(), options);
    },
    async writeSmall(body, options) {
      return keep(new Uint8Array(body), bundleFid(), options);
    },
    async *read(extent, { offset, length }) {
      const bytes = state.extents.get(bytesToHex(extent.dataKey));
      if (bytes === undefined || !state.isReadable) {
        throw new StorageClientError({ code: "UNAVAILABLE", fid: extent.fid, segment: 0 });
      }
      for (let at = offset; at < offset + length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, Math.min(at + PIECE_BYTES, offset + length));
        state.readBytes += piece.length;
        yield piece;
      }
    },
  };
}

function createDeclarer(state: MemoryState): Declarer {
  return {
    async declare(batch) {
      if (!state.isReachable) throw new ChainGoneError();
      const isRefused = ({ fid, expiryBlock }: Declaration) => {
        return state.refused.has(fid) || Number(expiryBlock) < state.height;
      };
      const fids = batch.filter(isRefused).map(({ fid }) => fid);
      if (fids.length > 0) {
        const reason = "refused by the test";
        throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason });
      }
      state.batches.push(batch.length);
      for (const { fid } of batch) state.declared.add(fid);
    },
    async remove(_territory, fids) {
      if (!state.isReachable) throw new ChainGoneError();
      for (const fid of fids) {
        state.declared.delete(fid);
        state.removed.add(fid);
      }
    },
  };
}

function randomFid(): Hex {
  return bytesToHex(randomBytes(32));
}

class ChainGoneError extends Error {}

export function declarationOf(extent: Extent): Declaration {
  const digest = createHash("sha256").update(extent.fid).digest();
  return {
    fid: extent.fid,
    sizeBytes: extent.fileSizeBytes,
    profileId: extent.profileId,
    territory: extent.territory,
    expiryBlock: BigInt(RECEIPT_BLOCKS),
    placement: Array.from({ length: 12 }, (_, column) =>
      bytesToHex(digest.subarray(0, 20).fill(column, 19)),
    ),
    signature: new Uint8Array(96),
  };
}
