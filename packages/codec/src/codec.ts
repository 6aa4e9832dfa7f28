/**
 * Binary codecs: one value, one encoding, and every length bounded by its declaration.
 * @module
 */
import assert from "node:assert/strict";
import { CodedError } from "@cess/std/error";

export interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
}

export interface Codec<T> {
  /** Exact encoded size of `value`, in bytes. */
  sizeBytes(value: T): number;
  write(value: T, into: Cursor): void;
  /** Reads untrusted bytes: throws {@link CodecError}, and nothing else, on any malformed input. */
  read(from: Cursor): T;
}

export type CodecErrorDetail =
  | { readonly code: "CODEC_TRUNCATED"; readonly needBytes: number; readonly haveBytes: number }
  | { readonly code: "CODEC_TRAILING"; readonly extraBytes: number }
  | { readonly code: "CODEC_LIMIT"; readonly count: number; readonly countMax: number }
  | { readonly code: "CODEC_TAG"; readonly tag: number }
  /** A record of another version than the one that is read here. */
  | { readonly code: "CODEC_VERSION"; readonly version: number; readonly wantVersion: number };

export class CodecError extends CodedError<CodecErrorDetail> {
  constructor(detail: CodecErrorDetail) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`);
  }
}

/** Encodes into a buffer of exactly the size that the codec declares for `value`. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const into = cursor(new Uint8Array(codec.sizeBytes(value)));
  codec.write(value, into);
  assert.equal(into.offset, into.bytes.length, "sizeBytes and write disagree");
  return into.bytes;
}

/**
 * Decodes all of `bytes`.
 *
 * @throws {@link CodecError} if the bytes are truncated, over a limit, or have a tail.
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const from = cursor(bytes);
  const value = codec.read(from);
  const extraBytes = bytes.length - from.offset;
  if (extraBytes > 0) throw new CodecError({ code: "CODEC_TRAILING", extraBytes });
  return value;
}

/** Unsigned 8-bit integer. */
export const u8: Codec<number> = fixed(
  1,
  (at, value) => {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff);
    at.view.setUint8(at.offset, value);
  },
  (at) => at.view.getUint8(at.offset),
);

/** Unsigned 16-bit big-endian integer. */
export const u16: Codec<number> = fixed(
  2,
  (at, value) => {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff);
    at.view.setUint16(at.offset, value);
  },
  (at) => at.view.getUint16(at.offset),
);

/** One byte, 0 or 1; any other byte is refused. */
export const bool: Codec<boolean> = {
  sizeBytes: () => 1,
  write: (value, into) => u8.write(value ? 1 : 0, into),
  read(from) {
    const tag = u8.read(from);
    if (tag > 1) throw new CodecError({ code: "CODEC_TAG", tag });
    return tag === 1;
  },
};

/** Unsigned 32-bit big-endian integer. */
export const u32: Codec<number> = fixed(
  4,
  (at, value) => {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff);
    at.view.setUint32(at.offset, value);
  },
  (at) => at.view.getUint32(at.offset),
);

/** Unsigned 64-bit big-endian integer. */
export const u64: Codec<bigint> = fixed(
  8,
  (at, value) => {
    assert.equal(BigInt.asUintN(64, value), value);
    at.view.setBigUint64(at.offset, value);
  },
  (at) => at.view.getBigUint64(at.offset),
);

/** Unsigned 128-bit big-endian integer. */
export const u128: Codec<bigint> = fixed(
  16,
  (at, value) => {
    assert.equal(BigInt.asUintN(128, value), value);
    at.view.setBigUint64(at.offset, value >> 64n);
    at.view.setBigUint64(at.offset + 8, BigInt.asUintN(64, value));
  },
  (at) => (at.view.getBigUint64(at.offset) << 64n) | at.view.getBigUint64(at.offset + 8),
);

/** Up to `sizeBytesMax` bytes behind a u32 length. Reads copy. */
export function variableBytes(sizeBytesMax: number): Codec<Uint8Array> {
  return {
    sizeBytes: (value) => 4 + value.length,
    write(value, into) {
      assert(value.length <= sizeBytesMax);
      u32.write(value.length, into);
      into.bytes.set(value, into.offset);
      into.offset += value.length;
    },
    read(from) {
      const count = u32.read(from);
      if (count > sizeBytesMax) {
        throw new CodecError({ code: "CODEC_LIMIT", count, countMax: sizeBytesMax });
      }
      return bytes(count).read(from);
    },
  };
}

/** UTF-8 text of up to `sizeBytesMax` bytes behind a u32 length. */
export function text(sizeBytesMax: number): Codec<string> {
  const inner = variableBytes(sizeBytesMax);
  return {
    sizeBytes: (value) => 4 + Buffer.byteLength(value),
    write: (value, into) => inner.write(new TextEncoder().encode(value), into),
    read: (from) => new TextDecoder().decode(inner.read(from)),
  };
}

/** Exactly `sizeBytes` bytes, without a length prefix. Reads copy, so the input can be reused. */
export function bytes(sizeBytes: number): Codec<Uint8Array> {
  return fixed(
    sizeBytes,
    (at, value) => {
      assert.equal(value.length, sizeBytes);
      at.bytes.set(value, at.offset);
    },
    (at) => at.bytes.slice(at.offset, at.offset + sizeBytes),
  );
}

/** Up to `countMax` items behind a u32 count. The limit is checked before anything is allocated. */
export function list<T>(item: Codec<T>, countMax: number): Codec<readonly T[]> {
  return {
    sizeBytes: (items) => items.reduce((sum, value) => sum + item.sizeBytes(value), 4),
    write(items, into) {
      assert(items.length <= countMax);
      u32.write(items.length, into);
      for (const value of items) item.write(value, into);
    },
    read(from) {
      const count = u32.read(from);
      if (count > countMax) throw new CodecError({ code: "CODEC_LIMIT", count, countMax });
      return Array.from({ length: count }, () => item.read(from));
    },
  };
}

/** Fields in the order declared, with no tags: adding a field is a new protocol version. */
export function struct<T extends object>(
  fields: { readonly [K in keyof T]: Codec<T[K]> },
): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    sizeBytes: (value) => names.reduce((sum, name) => sum + fields[name].sizeBytes(value[name]), 0),
    write(value, into) {
      for (const name of names) fields[name].write(value[name], into);
    },
    read(from) {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(from);
      return value as T;
    },
  };
}

/** A value that may be missing, behind a {@link bool}. */
export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    sizeBytes: (value) => 1 + (value === undefined ? 0 : item.sizeBytes(value)),
    write(value, into) {
      bool.write(value !== undefined, into);
      if (value !== undefined) item.write(value, into);
    },
    read: (from) => (bool.read(from) ? item.read(from) : undefined),
  };
}

/**
 * A discriminated union: one byte, the position of `kind` in `cases`, then that case's fields.
 * Cases are append-only: their order is the wire format.
 */
export function union<T extends { readonly kind: string }>(
  cases: { readonly [K in T["kind"]]: Codec<Omit<Extract<T, { kind: K }>, "kind">> },
): Codec<T> {
  const kinds = Object.keys(cases) as T["kind"][];
  const codecOf = (kind: T["kind"]) => cases[kind] as unknown as Codec<T>;
  return {
    sizeBytes: (value) => 1 + codecOf(value.kind).sizeBytes(value),
    write(value, into) {
      u8.write(kinds.indexOf(value.kind), into);
      codecOf(value.kind).write(value, into);
    },
    read(from) {
      const tag = u8.read(from);
      const kind = kinds[tag];
      if (kind === undefined) throw new CodecError({ code: "CODEC_TAG", tag });
      return { ...codecOf(kind).read(from), kind };
    },
  };
}

function fixed<T>(
  sizeBytes: number,
  set: (at: Cursor, value: T) => void,
  get: (at: Cursor) => T,
): Codec<T> {
  return {
    sizeBytes: () => sizeBytes,
    write(value, into) {
      set(into, value);
      into.offset += sizeBytes;
    },
    read(from) {
      const haveBytes = from.bytes.length - from.offset;
      if (haveBytes < sizeBytes)
        throw new CodecError({ code: "CODEC_TRUNCATED", needBytes: sizeBytes, haveBytes });
      const value = get(from);
      from.offset += sizeBytes;
      return value;
    },
  };
}

function cursor(target: Uint8Array): Cursor {
  const { buffer, byteOffset, byteLength } = target;
  // A Buffer's own `slice` does not copy: what is read must not change with its input.
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { bytes, view: new DataView(buffer, byteOffset, byteLength), offset: 0 };
}
