import { decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Random } from "@cess/runtime/random";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, equalBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { S3Error } from "../error.ts";
import type { Keyring } from "./keyring.ts";
import { ID_BYTES, keyOf, rangeOf, textPart } from "./keys.ts";
import type { MetaReader, MetaStore } from "./meta-store.ts";
import { type Bucket, bucketCodec } from "./records.ts";
import { dropUpload, uploadsOf } from "./upload-records.ts";

/** Subresources of a bucket that are kept as the client sent them. Append-only. */
const SETTINGS = { cors: 1, tagging: 2 } as const;
export type BucketSetting = keyof typeof SETTINGS;

export interface NewBucket {
  readonly name: string;
  readonly owner: Hex;
  readonly territory: Hex;
  readonly profileId: number;
}

export interface BucketIndex {
  /** @throws S3Error `NoSuchBucket` */
  get(name: string): Bucket;
  /** In order of names. */
  listOwnedBy(owner: Hex): readonly Bucket[];
  /** @throws S3Error `BucketAlreadyExists`, `BucketAlreadyOwnedByYou` */
  create(bucket: NewBucket): Promise<Bucket>;
  /** @throws S3Error `NoSuchBucket`, `BucketNotEmpty` */
  remove(bucket: Bucket): Promise<void>;
  keyOf(bucket: Bucket): Uint8Array;
  setting(bucket: Bucket, setting: BucketSetting): Uint8Array | undefined;
  /** Replaces the setting; undefined clears it. */
  changeSetting(
    bucket: Bucket,
    setting: BucketSetting,
    value: Uint8Array | undefined,
  ): Promise<void>;
}

export interface BucketIndexDeps {
  readonly metaStore: MetaStore;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly random: Random;
}

const KEYS_CACHED_MAX = 1024;
const BUCKET_KEY_BYTES = 32;
/** Unfinished uploads that go with their bucket; with more it must be emptied first. */
const UPLOADS_DROPPED_MAX = 100;

export function createBucketIndex(deps: BucketIndexDeps): BucketIndex {
  const { metaStore, keyring, clock, random } = deps;
  const bucketKeys = new BoundedMap<string, Uint8Array>(KEYS_CACHED_MAX);

  return {
    get: (name) => bucketNamed(metaStore, name),
    listOwnedBy(owner) {
      const { start, end } = rangeOf("bucketOfOwner", hexToBytes(owner, 20));
      return [...metaStore.range(start, end)].map(({ key }) =>
        bucketNamed(metaStore, new TextDecoder().decode(key.subarray(start.length))),
      );
    },
    async create({ name, owner, territory, profileId }) {
      const id = random.bytes(ID_BYTES);
      const sealedKey = keyring.seal(random.bytes(BUCKET_KEY_BYTES), purposeOf(id));
      const createdMs = clock.wallMs();
      const bucket = { id, name, owner, territory, profileId, createdMs, sealedKey };
      await metaStore.update((writer) => {
        const existing = writer.get(keyOf("bucket", textPart(name)));
        if (existing !== undefined) throw alreadyThere(decode(bucketCodec, existing), owner);
        writer.put(keyOf("bucket", textPart(name)), encode(bucketCodec, bucket));
        writer.put(ownerKey(bucket), new Uint8Array(0));
      });
      return bucket;
    },
    async remove(bucket) {
      await metaStore.update((writer) => {
        assertBucket(writer, bucket);
        const uploads = uploadsOf(writer, bucket, UPLOADS_DROPPED_MAX + 1);
        if (hasObjects(writer, bucket) || uploads.length > UPLOADS_DROPPED_MAX) {
          throw new S3Error({ code: "BucketNotEmpty", fields: { BucketName: bucket.name } });
        }
        for (const upload of uploads) dropUpload(writer, bucket, upload);
        writer.delete(keyOf("bucket", textPart(bucket.name)));
        writer.delete(ownerKey(bucket));
        for (const setting of Object.keys(SETTINGS) as BucketSetting[]) {
          writer.delete(settingKey(bucket, setting));
        }
      });
    },
    keyOf(bucket) {
      const name = bytesToHex(bucket.id);
      const cached = bucketKeys.get(name);
      if (cached !== undefined) return cached;
      const key = keyring.open(bucket.sealedKey, purposeOf(bucket.id));
      bucketKeys.set(name, key);
      return key;
    },
    setting: (bucket, setting) => metaStore.get(settingKey(bucket, setting)),
    changeSetting: (bucket, setting, value) =>
      metaStore.update((writer) => {
        assertBucket(writer, bucket);
        if (value === undefined) writer.delete(settingKey(bucket, setting));
        else writer.put(settingKey(bucket, setting), value);
      }),
  };
}

/** @throws S3Error `NoSuchBucket` if the bucket was deleted, even if one of its name exists. */
export function assertBucket(reader: MetaReader, bucket: Bucket): void {
  const current = bucketNamed(reader, bucket.name);
  if (!equalBytes(current.id, bucket.id)) throw noSuchBucket(bucket.name);
}

function bucketNamed(reader: MetaReader, name: string): Bucket {
  const value = reader.get(keyOf("bucket", textPart(name)));
  if (value === undefined) throw noSuchBucket(name);
  return decode(bucketCodec, value);
}

function hasObjects(reader: MetaReader, bucket: Bucket): boolean {
  const { start, end } = rangeOf("object", bucket.id);
  for (const _entry of reader.range(start, end)) return true;
  return false;
}

function noSuchBucket(name: string): S3Error {
  return new S3Error({ code: "NoSuchBucket", fields: { BucketName: name } });
}

function alreadyThere(existing: Bucket, owner: Hex): S3Error {
  const code = existing.owner === owner ? "BucketAlreadyOwnedByYou" : "BucketAlreadyExists";
  return new S3Error({ code, fields: { BucketName: existing.name } });
}

function ownerKey(bucket: Bucket): Uint8Array {
  return keyOf("bucketOfOwner", hexToBytes(bucket.owner, 20), textPart(bucket.name));
}

function settingKey(bucket: Bucket, setting: BucketSetting): Uint8Array {
  return keyOf("setting", bucket.id, Uint8Array.of(SETTINGS[setting]));
}

function purposeOf(bucketId: Uint8Array): string {
  return `bucket-key/v1/${bytesToHex(bucketId)}`;
}
