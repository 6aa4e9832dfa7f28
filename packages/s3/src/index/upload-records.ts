/** Records of multipart uploads: their keys, and what goes when an upload ends. @module */
import { decode } from "@cess/codec/codec";
import { asBuffer } from "@cess/std/bytes";
import { release } from "./files.ts";
import { ID_BYTES, keyOf, rangeOf, textPart, uint16Part } from "./keys.ts";
import type { MetaReader, MetaWriter } from "./meta-store.ts";
import { type Bucket, type PartRecord, partCodec } from "./records.ts";

export interface UploadName {
  readonly key: string;
  /** Begins with the time of initiation, so that ids of one key are in that order. */
  readonly uploadId: Uint8Array;
}

export interface NumberedPart {
  readonly number: number;
  readonly part: PartRecord;
}

const ZERO = Uint8Array.of(0);

export function uploadKey(bucket: Bucket, { key, uploadId }: UploadName): Uint8Array {
  return keyOf("upload", bucket.id, textPart(key), ZERO, uploadId);
}

/** Inverse of {@link uploadKey}. */
export function parseUploadKey(stored: Uint8Array): UploadName {
  const key = stored.subarray(1 + ID_BYTES, -ID_BYTES - 1);
  return { key: asBuffer(key).toString("utf8"), uploadId: stored.slice(-ID_BYTES) };
}

/** The bucket's first uploads, at most `countMax`. */
export function uploadsOf(
  reader: MetaReader,
  bucket: Bucket,
  countMax: number,
): readonly UploadName[] {
  const { start, end } = rangeOf("upload", bucket.id);
  const uploads: UploadName[] = [];
  for (const { key } of reader.range(start, end)) {
    if (uploads.length === countMax) break;
    uploads.push(parseUploadKey(key));
  }
  return uploads;
}

export function partKey(partsId: Uint8Array, number: number): Uint8Array {
  return keyOf("part", partsId, uint16Part(number));
}

/** Parts in the order of their numbers, those above `after` only. */
export function* partsOf(
  reader: MetaReader,
  partsId: Uint8Array,
  after = 0,
): Generator<NumberedPart> {
  const { end } = rangeOf("part", partsId);
  for (const { key, value } of reader.range(partKey(partsId, after + 1), end)) {
    const number = ((key.at(-2) as number) << 8) | (key.at(-1) as number);
    yield { number, part: decode(partCodec, value) };
  }
}

export function dropPart(writer: MetaWriter, partsId: Uint8Array, numbered: NumberedPart): void {
  writer.delete(partKey(partsId, numbered.number));
  if (numbered.part.extent !== undefined) release(writer, numbered.part.extent);
}

export function dropParts(writer: MetaWriter, partsId: Uint8Array): void {
  for (const numbered of [...partsOf(writer, partsId)]) dropPart(writer, partsId, numbered);
}

/** Ends an upload and gives back all that was uploaded. */
export function dropUpload(writer: MetaWriter, bucket: Bucket, upload: UploadName): void {
  writer.delete(uploadKey(bucket, upload));
  dropParts(writer, upload.uploadId);
}
