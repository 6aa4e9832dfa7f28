import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bool,
  bytes,
  CodecError,
  decode,
  encode,
  list,
  optional,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
  u128,
  union,
  variableBytes,
} from "./codec.ts";

type Shape =
  | { readonly kind: "dot"; readonly at: number }
  | { readonly kind: "label"; readonly name: string; readonly tail: Uint8Array | undefined };

const shapeCodec = union<Shape>({
  dot: struct<{ at: number }>({ at: u16 }),
  label: struct<{ name: string; tail: Uint8Array | undefined }>({
    name: text(40),
    tail: optional(variableBytes(8)),
  }),
});

test("vector: a struct is its fields in order, big-endian", () => {
  const codec = struct<{ a: number; b: bigint; c: boolean; d: readonly number[] }>({
    a: u16,
    b: u64,
    c: bool,
    d: list(u8, 4),
  });
  const wire = encode(codec, { a: 0x0102, b: 3n, c: true, d: [7, 8] });
  assert.equal(Buffer.from(wire).toString("hex"), "0102000000000000000301000000020708");
});

test("property: decode inverts encode", () => {
  const shapes = fc.oneof(
    fc.nat(0xffff).map((at) => ({ kind: "dot" as const, at })),
    fc
      .tuple(
        fc.string({ maxLength: 10 }),
        fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined }),
      )
      .map(([name, tail]) => ({ kind: "label" as const, name, tail })),
  );
  fc.assert(
    fc.property(shapes, fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (shape, big) => {
      assert.deepEqual(decode(shapeCodec, encode(shapeCodec, shape)), shape);
      assert.equal(decode(u128, encode(u128, big)), big);
    }),
  );
});

test("property: arbitrary bytes decode or throw CodecError, never anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (wire) => {
      try {
        const value = decode(shapeCodec, wire);
        assert.deepEqual(encode(shapeCodec, value).length > 0, true);
      } catch (cause) {
        assert(cause instanceof CodecError);
      }
    }),
  );
});

test("limits, tails and truncation are refused", () => {
  const codes = (wire: Uint8Array, read: () => unknown) => {
    try {
      read();
    } catch (cause) {
      assert(cause instanceof CodecError, String(cause));
      return cause.detail.code;
    }
    return `accepted ${wire.length}`;
  };
  const long = Uint8Array.of(0, 0, 0, 9, ...new Uint8Array(9));
  assert.equal(
    codes(long, () => decode(variableBytes(8), long)),
    "CODEC_LIMIT",
  );
  assert.equal(
    codes(long, () => decode(u32, long)),
    "CODEC_TRAILING",
  );
  assert.equal(
    codes(long, () => decode(bytes(99), long)),
    "CODEC_TRUNCATED",
  );
  assert.equal(
    codes(long, () => decode(bool, Uint8Array.of(2))),
    "CODEC_TAG",
  );
});

test("what is read from a Buffer does not change with it", () => {
  const wire = Buffer.from([1, 2, 3]);
  const value = decode(bytes(3), wire);
  wire.fill(9);
  assert.deepEqual(value, Uint8Array.of(1, 2, 3));
});
