import { createHash } from "node:crypto";
import { decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Random } from "@cess/runtime/random";
import { bigintToBytes, concatBytes } from "@cess/std/bytes";
import type { Declaration } from "@cess/storage-client/file-store";
import type { Checksum } from "../body/checksum.ts";
import { checksumOfParts, type PartChecksum } from "../body/composite.ts";
import { S3Error, s3Error } from "../error.ts";
import { assertBucket } from "./buckets.ts";
import { release, retainNew } from "./files.ts";
import { ID_BYTES } from "./keys.ts";
import type { MetaReader, MetaStore, MetaWriter } from "./meta-store.ts";
import { findObject, type ObjectAddress, type Precondition, replaceObject } from "./objects.ts";
import {
  type ObjectRecord,
  type PartRecord,
  partCodec,
  type UploadRecord,
  uploadCodec,
} from "./records.ts";
import {
  dropPart,
  dropUpload,
  type NumberedPart,
  partKey,
  partsOf,
  uploadKey,
} from "./upload-records.ts";

export interface UploadAddress extends ObjectAddress {
  readonly uploadId: Uint8Array;
}

/** A part as the client lists it to complete an upload. */
export interface ListedPart {
  readonly number: number;
  readonly etag: string;
  /** Base64, if the client repeats it. */
  readonly checksum: string | undefined;
}

export interface Completion {
  readonly parts: readonly ListedPart[];
  /** What the client says the whole object has, to be compared. */
  readonly checksum: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly precondition: Precondition;
}

export interface UploadIndex {
  create(address: ObjectAddress, record: UploadRecord): Promise<Uint8Array>;
  /** @throws S3Error `NoSuchUpload` */
  get(address: UploadAddress): UploadRecord;
  parts(uploadId: Uint8Array, after?: number): Iterable<NumberedPart>;
  /** @throws S3Error `NoSuchUpload` if the upload has ended meanwhile. */
  putPart(
    address: UploadAddress,
    numbered: NumberedPart,
    declaration: Declaration | undefined,
  ): Promise<void>;
  /**
   * Makes the object of the listed parts; the same completion again gives the same answer.
   *
   * @throws S3Error `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `BadDigest`
   */
  complete(address: UploadAddress, completion: Completion): Promise<ObjectRecord>;
  /** @throws S3Error `NoSuchUpload` */
  abort(address: UploadAddress): Promise<void>;
}

export interface UploadIndexDeps {
  readonly metaStore: MetaStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Least size of every part but the last. */
  readonly partSizeBytesMin: number;
}

const TIME_BYTES = 6;

export function createUploadIndex(deps: UploadIndexDeps): UploadIndex {
  const { metaStore, clock, random, partSizeBytesMin } = deps;
  return {
    async create(address, record) {
      const time = bigintToBytes(BigInt(Math.floor(clock.wallMs())), TIME_BYTES);
      const uploadId = concatBytes(time, random.bytes(ID_BYTES - TIME_BYTES));
      await metaStore.update((writer) => {
        assertBucket(writer, address.bucket);
        writer.put(
          uploadKey(address.bucket, { ...address, uploadId }),
          encode(uploadCodec, record),
        );
      });
      return uploadId;
    },
    get: (address) => getUpload(metaStore, address),
    parts: (uploadId, after) => partsOf(metaStore, uploadId, after),
    putPart: (address, { number, part }, declaration) =>
      metaStore.update((writer) => {
        getUpload(writer, address);
        const key = partKey(address.uploadId, number);
        const before = writer.get(key);
        if (declaration !== undefined) retainNew(writer, declaration);
        const replaced = before === undefined ? undefined : decode(partCodec, before).extent;
        if (replaced !== undefined) release(writer, replaced);
        writer.put(key, encode(partCodec, part));
      }),
    complete: (address, completion) =>
      metaStore.update((writer) => {
        const done = alreadyCompleted(writer, address);
        if (done !== undefined) return done;
        const upload = getUpload(writer, address);
        const stored = new Map(
          [...partsOf(writer, address.uploadId)].map((p) => [p.number, p.part]),
        );
        const parts = chooseParts(stored, completion.parts, partSizeBytesMin);
        const record = joinParts({ upload, parts, address, completion, nowMs: clock.wallMs() });
        replaceObject(writer, address, { record, precondition: completion.precondition });
        writer.delete(uploadKey(address.bucket, address));
        const chosen = new Set(parts.map(({ number }) => number));
        for (const [number, part] of stored) {
          if (!chosen.has(number)) dropPart(writer, address.uploadId, { number, part });
        }
        return record;
      }),
    abort: (address) =>
      metaStore.update((writer) => {
        getUpload(writer, address);
        dropUpload(writer, address.bucket, address);
      }),
  };
}

function getUpload(reader: MetaReader, address: UploadAddress): UploadRecord {
  assertBucket(reader, address.bucket);
  const value = reader.get(uploadKey(address.bucket, address));
  if (value === undefined) throw s3Error("NoSuchUpload");
  return decode(uploadCodec, value);
}

function alreadyCompleted(writer: MetaWriter, address: UploadAddress): ObjectRecord | undefined {
  const existing = findObject(writer, address);
  if (existing?.body.kind !== "parts") return undefined;
  const isSame = Buffer.compare(existing.body.partsId, address.uploadId) === 0;
  return isSame ? existing : undefined;
}

function chooseParts(
  stored: ReadonlyMap<number, PartRecord>,
  listed: readonly ListedPart[],
  partSizeBytesMin: number,
): readonly NumberedPart[] {
  const isOrdered = listed.every(({ number }, index) => (listed[index - 1]?.number ?? 0) < number);
  if (!isOrdered) throw s3Error("InvalidPartOrder");
  return listed.map(({ number, etag, checksum }, index) => {
    const part = stored.get(number);
    const isSame =
      part?.etag === etag && (checksum ?? part.checksum?.value) === part.checksum?.value;
    if (part === undefined || !isSame) {
      throw new S3Error({
        code: "InvalidPart",
        fields: { PartNumber: String(number), ETag: etag },
      });
    }
    if (index < listed.length - 1 && part.sizeBytes < partSizeBytesMin) {
      const fields = {
        PartNumber: String(number),
        ETag: etag,
        ProposedSize: String(part.sizeBytes),
        MinSizeAllowed: String(partSizeBytesMin),
      };
      throw new S3Error({ code: "EntityTooSmall", fields });
    }
    return { number, part };
  });
}

interface JoinInput {
  readonly upload: UploadRecord;
  readonly parts: readonly NumberedPart[];
  readonly address: UploadAddress;
  readonly completion: Completion;
  readonly nowMs: number;
}

function joinParts({ upload, parts, address, completion, nowMs }: JoinInput): ObjectRecord {
  const sizeBytes = parts.reduce((sum, { part }) => sum + part.sizeBytes, 0);
  if (completion.sizeBytes !== undefined && completion.sizeBytes !== sizeBytes) {
    throw s3Error("InvalidRequest", "The object's size is not that of x-amz-mp-object-size.");
  }
  const checksum = joinChecksums(upload, parts);
  if (completion.checksum !== undefined && completion.checksum !== checksum?.value) {
    throw s3Error("BadDigest");
  }
  const digests = parts.map(({ part }) => Buffer.from(part.etag, "hex"));
  const md5 = createHash("md5")
    .update(concatBytes(...digests))
    .digest("hex");
  return {
    head: upload.head,
    owner: upload.owner,
    etag: `${md5}-${parts.length}`,
    sizeBytes,
    modifiedMs: nowMs,
    checksum,
    body: { kind: "parts", partsId: address.uploadId, count: parts.length },
  };
}

function joinChecksums(upload: UploadRecord, parts: readonly NumberedPart[]): Checksum | undefined {
  if (upload.checksumAlgorithm === undefined) return undefined;
  const checksums: PartChecksum[] = [];
  for (const { part } of parts) {
    const { checksum, sizeBytes } = part;
    if (checksum?.algorithm === upload.checksumAlgorithm) checksums.push({ checksum, sizeBytes });
  }
  // A part sent without the upload's checksum leaves nothing to join.
  if (checksums.length < parts.length) return undefined;
  return checksumOfParts(checksums, upload.checksumType);
}
