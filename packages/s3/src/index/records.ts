/**
 * What the gateway keeps on disk. Every record begins with its version; limits stand in the
 * declarations. Data keys are wrapped before they come here.
 * @module
 */
import {
  bytes,
  type Codec,
  CodecError,
  list,
  optional,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
  union,
  variableBytes,
} from "@cess/codec/codec";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type { Declaration, Extent } from "@cess/storage-client/file-store";
import { CHECKSUM_ALGORITHMS, type Checksum, type ChecksumType } from "../body/checksum.ts";
import { ID_BYTES } from "./keys.ts";

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** An extent whose data key is wrapped by its bucket's key. */
export type SealedExtent = Omit<Extent, "dataKey"> & { readonly wrappedKey: Uint8Array };

export interface Bucket {
  readonly id: Uint8Array;
  readonly name: string;
  readonly owner: Hex;
  readonly territory: Hex;
  readonly profileId: number;
  readonly createdMs: number;
  /** Sealed by the gateway's master key. */
  readonly sealedKey: Uint8Array;
}

/** What a client says of an object besides its bytes. */
export interface ObjectHead {
  readonly storageClass: string;
  /** Standard headers, by lower-case name, given back as they came. */
  readonly headers: readonly NameValue[];
  /** User metadata, names without `x-amz-meta-`. */
  readonly metadata: readonly NameValue[];
  readonly tags: readonly NameValue[];
}

export type ObjectBody =
  | { readonly kind: "empty" }
  | { readonly kind: "whole"; readonly extent: SealedExtent }
  /** The parts lie in the part table under `partsId`. */
  | { readonly kind: "parts"; readonly partsId: Uint8Array; readonly count: number };

export interface ObjectRecord {
  readonly head: ObjectHead;
  readonly owner: Hex;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly checksum: Checksum | undefined;
  readonly body: ObjectBody;
}

export interface UploadRecord {
  readonly head: ObjectHead;
  readonly owner: Hex;
  readonly initiatedMs: number;
  readonly checksumAlgorithm: Checksum["algorithm"] | undefined;
  readonly checksumType: ChecksumType;
}

export interface PartRecord {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly checksum: Checksum | undefined;
  /** Undefined for a part without bytes. */
  readonly extent: SealedExtent | undefined;
}

/** A file of the network as this gateway uses it: kept while `extentCount` is above 0. */
export interface FileRecord {
  readonly extentCount: number;
}

export interface RefusedDeclaration {
  readonly declaration: Declaration;
  readonly attempts: number;
  /** When to send it again. */
  readonly retryMs: number;
  /** When to try again to have its receipts renewed, if they need it. */
  readonly renewMs: number;
}

export interface CredentialRecord {
  readonly account: Hex;
  readonly territory: Hex;
  readonly createdMs: number;
  readonly sealedSecret: Uint8Array;
}

const NAMES_MAX = 512;
const TAGS_MAX = 10;
const COLUMNS_MAX = 16;
const CHECKSUM_TYPES = ["FULL_OBJECT", "COMPOSITE"] as const;

/** An integer that JavaScript counts exactly, as a u64. */
const count: Codec<number> = {
  sizeBytes: () => 8,
  write: (value, into) => u64.write(BigInt(value), into),
  read(from) {
    const value = u64.read(from);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new CodecError({
        code: "CODEC_LIMIT",
        count: Number(value),
        countMax: Number.MAX_SAFE_INTEGER,
      });
    }
    return Number(value);
  },
};

function hex(sizeBytes: number): Codec<Hex> {
  const inner = bytes(sizeBytes);
  return {
    sizeBytes: () => sizeBytes,
    write: (value, into) => inner.write(hexToBytes(value, sizeBytes), into),
    read: (from) => bytesToHex(inner.read(from)),
  };
}

/** One of `values`, as its position. */
function oneOf<T extends string>(values: readonly T[]): Codec<T> {
  return {
    sizeBytes: () => 1,
    write: (value, into) => u8.write(values.indexOf(value), into),
    read(from) {
      const tag = u8.read(from);
      const value = values[tag];
      if (value === undefined) throw new CodecError({ code: "CODEC_TAG", tag });
      return value;
    },
  };
}

/** One byte of version before the record; another version is refused. */
function version<T>(number: number, inner: Codec<T>): Codec<T> {
  return {
    sizeBytes: (value) => 1 + inner.sizeBytes(value),
    write(value, into) {
      u8.write(number, into);
      inner.write(value, into);
    },
    read(from) {
      const tag = u8.read(from);
      if (tag === number) return inner.read(from);
      throw new CodecError({ code: "CODEC_VERSION", version: tag, wantVersion: number });
    },
  };
}

const nameValue = struct<NameValue>({ name: text(2048), value: text(8192) });

const extent: Codec<SealedExtent> = struct<SealedExtent>({
  fid: hex(32),
  fileSizeBytes: count,
  profileId: u8,
  territory: hex(32),
  offset: count,
  sealedBytes: count,
  sizeBytes: count,
  wrappedKey: variableBytes(64),
});

const checksum: Codec<Checksum> = struct<Checksum>({
  algorithm: oneOf(CHECKSUM_ALGORITHMS),
  type: oneOf(CHECKSUM_TYPES),
  value: text(64),
});

const head: Codec<ObjectHead> = struct<ObjectHead>({
  storageClass: text(32),
  headers: list(nameValue, NAMES_MAX),
  metadata: list(nameValue, NAMES_MAX),
  tags: list(nameValue, TAGS_MAX),
});

const declaration: Codec<Declaration> = struct<Declaration>({
  fid: hex(32),
  sizeBytes: count,
  profileId: u8,
  territory: hex(32),
  expiryBlock: u64,
  placement: list(hex(20), COLUMNS_MAX),
  signature: bytes(96),
});

const objectBody: Codec<ObjectBody> = union<ObjectBody>({
  empty: struct<object>({}),
  whole: struct<{ extent: SealedExtent }>({ extent }),
  parts: struct<{ partsId: Uint8Array; count: number }>({ partsId: bytes(ID_BYTES), count: u16 }),
});

export const bucketCodec: Codec<Bucket> = version(
  1,
  struct<Bucket>({
    id: bytes(ID_BYTES),
    name: text(63),
    owner: hex(20),
    territory: hex(32),
    profileId: u8,
    createdMs: count,
    sealedKey: variableBytes(128),
  }),
);

export const objectCodec: Codec<ObjectRecord> = version(
  1,
  struct<ObjectRecord>({
    head,
    owner: hex(20),
    etag: text(64),
    sizeBytes: count,
    modifiedMs: count,
    checksum: optional(checksum),
    body: objectBody,
  }),
);

export const uploadCodec: Codec<UploadRecord> = version(
  1,
  struct<UploadRecord>({
    head,
    owner: hex(20),
    initiatedMs: count,
    checksumAlgorithm: optional(oneOf(CHECKSUM_ALGORITHMS)),
    checksumType: oneOf(CHECKSUM_TYPES),
  }),
);

export const partCodec: Codec<PartRecord> = version(
  1,
  struct<PartRecord>({
    etag: text(64),
    sizeBytes: count,
    modifiedMs: count,
    checksum: optional(checksum),
    extent: optional(extent),
  }),
);

export const fileCodec: Codec<FileRecord> = version(1, struct<FileRecord>({ extentCount: u32 }));

export const declarationCodec: Codec<Declaration> = version(2, declaration);

export const refusedCodec: Codec<RefusedDeclaration> = version(
  2,
  struct<RefusedDeclaration>({ declaration, attempts: u32, retryMs: count, renewMs: count }),
);

export const credentialCodec: Codec<CredentialRecord> = version(
  1,
  struct<CredentialRecord>({
    account: hex(20),
    territory: hex(32),
    createdMs: count,
    sealedSecret: variableBytes(256),
  }),
);
