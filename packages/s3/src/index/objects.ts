import assert from "node:assert/strict";
import { decode, encode } from "@cess/codec/codec";
import type { Declaration } from "@cess/storage-client/file-store";
import { S3Error } from "../error.ts";
import { assertBucket } from "./buckets.ts";
import { release, retainNew, retainShared } from "./files.ts";
import { keyOf, textPart } from "./keys.ts";
import type { MetaReader, MetaStore, MetaWriter } from "./meta-store.ts";
import {
  type Bucket,
  type ObjectBody,
  type ObjectRecord,
  objectCodec,
  partCodec,
  type SealedExtent,
} from "./records.ts";
import { dropParts, type NumberedPart, partKey, partsOf } from "./upload-records.ts";

/** Looks at the object to be replaced, inside the transaction, and throws to refuse. */
export type Precondition = (existing: ObjectRecord | undefined) => void;

export interface ObjectAddress {
  readonly bucket: Bucket;
  readonly key: string;
}

/** An object ready to be recorded. */
export interface NewObject {
  readonly record: ObjectRecord;
  /** Of the file that the record's extent lies in; undefined if there is none. */
  readonly declaration: Declaration | undefined;
}

/** An object whose bytes are those of another one. */
export interface ObjectCopy {
  readonly record: Omit<ObjectRecord, "body">;
  readonly body: CopyBody;
}

export type CopyBody =
  | { readonly kind: "empty" }
  | { readonly kind: "whole"; readonly extent: SealedExtent }
  | {
      readonly kind: "parts";
      readonly partsId: Uint8Array;
      readonly parts: readonly NumberedPart[];
    };

export interface ObjectIndex {
  /** @throws S3Error `NoSuchKey` */
  get(address: ObjectAddress): ObjectRecord;
  find(address: ObjectAddress): ObjectRecord | undefined;
  /** Parts that an object consists of, in order, those above number `after` only. */
  parts(partsId: Uint8Array, after?: number): Iterable<NumberedPart>;
  put(address: ObjectAddress, object: NewObject, precondition: Precondition): Promise<void>;
  /** @throws S3Error `NoSuchKey` if the source's bytes are gone by now. */
  putCopy(address: ObjectAddress, copy: ObjectCopy, precondition: Precondition): Promise<void>;
  /** Changes the record, not the bytes. @throws S3Error `NoSuchKey` */
  change(
    address: ObjectAddress,
    change: (record: ObjectRecord) => ObjectRecord,
  ): Promise<ObjectRecord>;
  /** Deletes many at once; a missing object is deleted already. */
  remove(
    bucket: Bucket,
    keys: readonly string[],
    precondition: (key: string, existing: ObjectRecord | undefined) => void,
  ): Promise<void>;
}

export function createObjectIndex(metaStore: MetaStore): ObjectIndex {
  return {
    get(address) {
      const record = findObject(metaStore, address);
      if (record === undefined) throw noSuchKey(address.key);
      return record;
    },
    find: (address) => findObject(metaStore, address),
    parts: (partsId, after) => partsOf(metaStore, partsId, after),
    put: (address, { record, declaration }, precondition) =>
      metaStore.update((writer) => {
        assertBucket(writer, address.bucket);
        if (declaration !== undefined) retainNew(writer, declaration);
        replaceObject(writer, address, { record, precondition });
      }),
    putCopy: (address, copy, precondition) =>
      metaStore.update((writer) => {
        assertBucket(writer, address.bucket);
        const body = retainCopy(writer, copy.body, address.key);
        replaceObject(writer, address, { record: { ...copy.record, body }, precondition });
      }),
    change: (address, change) =>
      metaStore.update((writer) => {
        const record = findObject(writer, address);
        if (record === undefined) throw noSuchKey(address.key);
        const changed = change(record);
        assert.equal(changed.body, record.body);
        writer.put(objectKey(address), encode(objectCodec, changed));
        return changed;
      }),
    remove: (bucket, keys, precondition) =>
      metaStore.update((writer) => {
        assertBucket(writer, bucket);
        for (const key of keys) {
          const existing = findObject(writer, { bucket, key });
          precondition(key, existing);
          if (existing === undefined) continue;
          writer.delete(objectKey({ bucket, key }));
          releaseBody(writer, existing.body);
        }
      }),
  };
}

/** Puts `record` in place of what is there, whose bytes are given back. */
export function replaceObject(
  writer: MetaWriter,
  address: ObjectAddress,
  { record, precondition }: { readonly record: ObjectRecord; readonly precondition: Precondition },
): void {
  const existing = findObject(writer, address);
  precondition(existing);
  if (existing !== undefined) releaseBody(writer, existing.body);
  writer.put(objectKey(address), encode(objectCodec, record));
}

export function findObject(reader: MetaReader, address: ObjectAddress): ObjectRecord | undefined {
  const value = reader.get(objectKey(address));
  return value === undefined ? undefined : decode(objectCodec, value);
}

export function noSuchKey(key: string): S3Error {
  return new S3Error({ code: "NoSuchKey", fields: { Key: key } });
}

function objectKey({ bucket, key }: ObjectAddress): Uint8Array {
  return keyOf("object", bucket.id, textPart(key));
}

function retainCopy(writer: MetaWriter, body: CopyBody, key: string): ObjectBody {
  switch (body.kind) {
    case "empty":
      return body;
    case "whole":
      if (!retainShared(writer, body.extent)) throw noSuchKey(key);
      return body;
    case "parts":
      for (const { number, part } of body.parts) {
        if (part.extent !== undefined && !retainShared(writer, part.extent)) throw noSuchKey(key);
        writer.put(partKey(body.partsId, number), encode(partCodec, part));
      }
      return { kind: "parts", partsId: body.partsId, count: body.parts.length };
  }
}

function releaseBody(writer: MetaWriter, body: ObjectBody): void {
  switch (body.kind) {
    case "empty":
      return;
    case "whole":
      release(writer, body.extent);
      return;
    case "parts":
      dropParts(writer, body.partsId);
  }
}
