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

export interface MemoryNetwork {
  readonly fileStore: FileStore;
  readonly declarer: Declarer;
  /** Bytes of each extent by its data key. */
  readonly extents: ReadonlyMap<Hex, Uint8Array>;
  /** Files on the chain. */
  readonly declared: ReadonlySet<Hex>;
  readonly removed: ReadonlySet<Hex>;
  /** Sizes of the batches that were declared. */
  readonly batches: readonly number[];
  /** Files that the chain refuses. */
  readonly refused: Set<Hex>;
  /** Files that the store was told of after a restart. */
  readonly remembered: ReadonlySet<Hex>;
  isReachable: boolean;
  isReadable: boolean;
}

export interface MemoryNetworkOptions {
  /** Objects that share a bundle. */
  readonly bundleObjects: number;
}

export function createMemoryNetwork(
  options: MemoryNetworkOptions = { bundleObjects: 1 },
): MemoryNetwork {
  const extents = new Map<Hex, Uint8Array>();
  const declared = new Set<Hex>();
  const removed = new Set<Hex>();
  const batches: number[] = [];
  const refused = new Set<Hex>();
  const remembered = new Set<Hex>();
  let bundle: { readonly fid: Hex; count: number } | undefined;

  function bundleFid(): Hex {
    if (bundle === undefined || bundle.count === options.bundleObjects) {
      bundle = { fid: bytesToHex(randomBytes(32)), count: 0 };
    }
    bundle.count += 1;
    return bundle.fid;
  }

  function keep(bytes: Uint8Array, fid: Hex, { territory, profile }: WriteOptions): StoredObject {
    const dataKey = new Uint8Array(randomBytes(32));
    const sizeBytes = bytes.length;
    const extent: Extent = {
      fid,
      fileSizeBytes: sizeBytes,
      profileId: profile.id,
      territory,
      offset: 0,
      sealedBytes: sizeBytes,
      sizeBytes,
      dataKey,
    };
    extents.set(bytesToHex(dataKey), bytes);
    return { extent, declaration: declarationOf(extent) };
  }

  const network: MemoryNetwork = {
    extents,
    declared,
    removed,
    batches,
    refused,
    remembered,
    isReachable: true,
    isReadable: true,
    fileStore: {
      remember: ({ fid }) => void remembered.add(fid),
      async write(body, options) {
        const pieces: Uint8Array[] = [];
        for await (const piece of body) pieces.push(new Uint8Array(piece));
        options.signal.throwIfAborted();
        return keep(concatBytes(...pieces), bytesToHex(randomBytes(32)), options);
      },
      async writeSmall(body, options) {
        return keep(new Uint8Array(body), bundleFid(), options);
      },
      async *read(extent, { offset, length }) {
        const bytes = extents.get(bytesToHex(extent.dataKey));
        if (bytes === undefined || !network.isReadable) {
          throw new StorageClientError({ code: "UNAVAILABLE", fid: extent.fid, segment: 0 });
        }
        for (let at = offset; at < offset + length; at += PIECE_BYTES) {
          yield bytes.subarray(at, Math.min(at + PIECE_BYTES, offset + length));
        }
      },
    },
    declarer: {
      async declare(batch) {
        if (!network.isReachable) throw new ChainGoneError();
        const fids = batch.map(({ fid }) => fid).filter((fid) => refused.has(fid));
        const reason = "refused by the test";
        if (fids.length > 0)
          throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason });
        batches.push(batch.length);
        for (const { fid } of batch) declared.add(fid);
      },
      async remove(_territory, fids) {
        if (!network.isReachable) throw new ChainGoneError();
        for (const fid of fids) {
          declared.delete(fid);
          removed.add(fid);
        }
      },
    },
  };
  return network;
}

const PIECE_BYTES = 65_536;

class ChainGoneError extends Error {}

export function declarationOf(extent: Extent): Declaration {
  const digest = createHash("sha256").update(extent.fid).digest();
  return {
    fid: extent.fid,
    sizeBytes: extent.fileSizeBytes,
    profileId: extent.profileId,
    territory: extent.territory,
    placement: Array.from({ length: 12 }, (_, column) =>
      bytesToHex(digest.subarray(0, 20).fill(column, 19)),
    ),
    signature: new Uint8Array(96),
  };
}
