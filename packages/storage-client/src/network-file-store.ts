import {
  createDataKey,
  DATA_KEY_BYTES,
  sealedSizeBytes,
  sealObject,
  sealStream,
} from "@cess/crypto/aead";
import type { Random } from "@cess/runtime/random";
import { MIB } from "@cess/std/units";
import { BundleUploader } from "./bundle-upload.ts";
import { Bundler } from "./bundler.ts";
import { FileCache } from "./file-cache.ts";
import type { FileLocator } from "./file-locator.ts";
import type { Declaration, Extent, FileStore, StoredObject } from "./file-store.ts";
import { type FileUploadDeps, type UploadedFile, uploadFile } from "./file-upload.ts";
import type { NodeClient } from "./node-client.ts";
import { readObject } from "./object-reader.ts";
import { ANYWHERE, chooseMiners, type PlacementDeps, type PlacementPolicy } from "./placement.ts";
import { ReceiptExpiry, type ReceiptExpiryDeps } from "./receipt-expiry.ts";
import { renewReceipts } from "./receipt-renewal.ts";
import { SegmentReader, type SegmentReaderDeps } from "./segment-reader.ts";

export interface NetworkFileStoreDeps extends SegmentReaderDeps, PlacementDeps, ReceiptExpiryDeps {
  readonly nodes: NodeClient;
  readonly locator: FileLocator;
  readonly random: Random;
  readonly chainId: number;
}

export interface NetworkFileStoreOptions {
  readonly policy?: PlacementPolicy;
  /** Memory for small files that were written or read a moment ago. */
  readonly cacheBytes?: number;
}

/** Space that a miner must have free to be sent a fragment: the largest there is. */
const FREE_BYTES_MIN = 8 * MIB;
const CACHE_BYTES = 64 * MIB;

/** The network's own {@link FileStore}: seals, codes, spreads; finds, verifies, opens. */
export function createNetworkFileStore(
  deps: NetworkFileStoreDeps,
  options: NetworkFileStoreOptions = {},
): FileStore {
  const policy = options.policy ?? ANYWHERE;
  const expiry = new ReceiptExpiry(deps);
  const upload: FileUploadDeps = {
    ...deps,
    expiryBlock: () => expiry.next(),
    choose: (count, exclude) =>
      chooseMiners(deps, { count, freeBytesMin: FREE_BYTES_MIN, exclude, policy }),
  };
  const segments = new SegmentReader(deps);
  const cache = new FileCache(options.cacheBytes ?? CACHE_BYTES, (range, signal) =>
    segments.read(range, signal),
  );
  const bundles = new BundleUploader(upload);
  const bundler = new Bundler({
    clock: deps.clock,
    store: async (bundle, write) => {
      const uploaded = await bundles.upload(bundle, write);
      deps.locator.remember(declarationOf(uploaded));
      cache.keep(uploaded.file.fid, bundle);
      return uploaded;
    },
  });
  return {
    async write(body, write) {
      const dataKey = deps.random.bytes(DATA_KEY_BYTES);
      let sizeBytes = 0;
      const sealed = sealStream(createDataKey(dataKey), body, (size) => {
        sizeBytes = size;
      });
      const uploaded = await uploadFile(upload, sealed, write);
      const declaration = declarationOf(uploaded);
      deps.locator.remember(declaration);
      return stored(declaration, { offset: 0, sizeBytes, dataKey });
    },
    async writeSmall(body, write) {
      const dataKey = deps.random.bytes(DATA_KEY_BYTES);
      const { bundle, offset } = await bundler.add(sealObject(createDataKey(dataKey), body), write);
      const declaration = declarationOf(bundle);
      return stored(declaration, { offset, sizeBytes: body.length, dataKey });
    },
    read: (extent, range, signal) =>
      readObject((window, stop) => cache.read(window, stop), extent, { range, signal }),
    async renew(declaration, signal) {
      const renewed = await renewReceipts(
        { ...upload, directory: deps.directory },
        declaration,
        signal,
      );
      deps.locator.remember(renewed);
      return renewed;
    },
    receiptState: (declaration) => expiry.stateOf(declaration.expiryBlock),
    remember: (declaration) => deps.locator.remember(declaration),
  };
}

function declarationOf({ file, ...signed }: UploadedFile): Declaration {
  const { fid, sizeBytes, profile } = file;
  return { ...signed, fid, sizeBytes, profileId: profile.id };
}

function stored(
  declaration: Declaration,
  part: Pick<Extent, "offset" | "sizeBytes" | "dataKey">,
): StoredObject {
  const { fid, profileId, territory } = declaration;
  const sealedBytes = sealedSizeBytes(part.sizeBytes);
  const file = { fid, fileSizeBytes: declaration.sizeBytes, profileId, territory };
  return { extent: { ...file, ...part, sealedBytes }, declaration };
}
