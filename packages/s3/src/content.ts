/**
 * Bytes between requests and the network.
 * @module
 */

import type { Profile } from "@cess/params/profile";
import { Semaphore } from "@cess/std/semaphore";
import { MIB } from "@cess/std/units";
import { StorageClientError } from "@cess/storage-client/error";
import type { Declaration, FileStore, StoredObject } from "@cess/storage-client/file-store";
import { type BodyDigest, collectBody, type RequestBody } from "./body/body.ts";
import { S3Error } from "./error.ts";
import type { BucketIndex } from "./index/buckets.ts";
import { unwrapKey, wrapKey } from "./index/keyring.ts";
import type { Bucket, ObjectBody, SealedExtent } from "./index/records.ts";
import type { NumberedPart } from "./index/upload-records.ts";

export interface StoredBytes {
  readonly digest: BodyDigest;
  /** Undefined if there were no bytes: nothing is stored for them. */
  readonly stored: { readonly extent: SealedExtent; readonly declaration: Declaration } | undefined;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface StoreTarget {
  readonly bucket: Bucket;
  readonly profile: Profile;
  readonly signal: AbortSignal;
}

export interface Content {
  /** @throws S3Error for what is wrong with the body, `ServiceUnavailable` for the network. */
  store(body: RequestBody, target: StoreTarget): Promise<StoredBytes>;
  /** The same bytes as an extent of another bucket: its data key under that bucket's key. */
  rewrap(extent: SealedExtent, from: Bucket, to: Bucket): SealedExtent;
  /** Streams a range of an object; the first bytes are there when this resolves. */
  read(
    bucket: Bucket,
    body: ObjectBody,
    range: ByteRange & { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
}

export interface ContentDeps {
  readonly fileStore: FileStore;
  readonly buckets: BucketIndex;
  readonly partsOf: (partsId: Uint8Array) => Iterable<NumberedPart>;
}

/** Below this, and of known size, an object is packed with its neighbours. */
const SMALL_BYTES = MIB;
/** Small bodies held in memory at once; the others wait for their turn. */
const SMALL_CONCURRENT_MAX = 128;

export function createContent(deps: ContentDeps): Content {
  const { fileStore, buckets } = deps;
  const smallSlots = new Semaphore(SMALL_CONCURRENT_MAX);

  function seal({ extent }: StoredObject, bucket: Bucket): SealedExtent {
    const { dataKey, ...rest } = extent;
    return { ...rest, wrappedKey: wrapKey(dataKey, buckets.keyOf(bucket)) };
  }

  async function write(
    body: RequestBody,
    { bucket, profile, signal }: StoreTarget,
  ): Promise<StoredObject | undefined> {
    const options = { territory: bucket.territory, profile, signal };
    if (body.sizeBytes === undefined || body.sizeBytes >= SMALL_BYTES) {
      return fileStore.write(body.bytes, options);
    }
    return smallSlots.run(async () => {
      const bytes = await collectBody(body);
      return bytes.length === 0 ? undefined : fileStore.writeSmall(bytes, options);
    });
  }

  async function* readExtents(
    bucket: Bucket,
    extents: Iterable<SealedExtent>,
    { offset, length, signal }: ByteRange & { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    let skip = offset;
    let left = length;
    for (const { wrappedKey, ...rest } of extents) {
      if (left === 0) return;
      const here = Math.min(rest.sizeBytes - skip, left);
      if (here <= 0) {
        skip -= rest.sizeBytes;
        continue;
      }
      const dataKey = unwrapKey(wrappedKey, buckets.keyOf(bucket));
      yield* fileStore.read({ ...rest, dataKey }, { offset: skip, length: here }, signal);
      left -= here;
      skip = 0;
    }
  }

  return {
    async store(body, target) {
      try {
        const stored = await write(body, target);
        const digest = body.digest();
        if (stored === undefined) return { digest, stored: undefined };
        const extent = seal(stored, target.bucket);
        return { digest, stored: { extent, declaration: stored.declaration } };
      } catch (cause) {
        throw body.failure instanceof S3Error ? body.failure : networkFailure(cause);
      }
    },
    rewrap(extent, from, to) {
      const dataKey = unwrapKey(extent.wrappedKey, buckets.keyOf(from));
      return { ...extent, wrappedKey: wrapKey(dataKey, buckets.keyOf(to)) };
    },
    async read(bucket, body, range) {
      const extents = extentsOf(body, deps.partsOf);
      return withFirstPiece(readExtents(bucket, extents, range));
    },
  };
}

function* extentsOf(body: ObjectBody, partsOf: ContentDeps["partsOf"]): Generator<SealedExtent> {
  switch (body.kind) {
    case "empty":
      return;
    case "whole":
      yield body.extent;
      return;
    case "parts":
      // Read at once: a lazy range must not stay open while bytes are sent.
      for (const { part } of [...partsOf(body.partsId)]) {
        if (part.extent !== undefined) yield part.extent;
      }
  }
}

/** Waits for the first piece, so that a failure can still be answered with a status. */
async function withFirstPiece(
  pieces: AsyncGenerator<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  let first: IteratorResult<Uint8Array>;
  try {
    first = await pieces.next();
  } catch (cause) {
    throw networkFailure(cause);
  }
  return (async function* () {
    try {
      if (first.done !== true) yield first.value;
      yield* pieces;
    } finally {
      await pieces.return(undefined);
    }
  })();
}

/** What the storage client says on purpose is for the client to retry; the rest is our bug. */
function networkFailure(cause: unknown): unknown {
  if (!(cause instanceof StorageClientError)) return cause;
  if (cause.detail.code === "TERRITORY_REFUSED") {
    return new S3Error({ code: "AccessDenied" }, cause.message, { cause });
  }
  const code = cause.detail.code === "QUEUE_FULL" ? "SlowDown" : "ServiceUnavailable";
  return new S3Error({ code }, undefined, { cause });
}
