import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { GROUP_ORDER } from "./field.ts";
import { createFixedBase } from "./fixed-base.ts";
import { type G1, G1_BYTES, initGroups } from "./groups.ts";

const groups = await initGroups();
const isMalformed = (error: unknown) => hasCode(error, "POINT_MALFORMED");
/** p, the order of the field of coordinates. */
const FIELD_ORDER = BigInt(
  "0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf" +
    "6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
);

test("a hash to G1 is that of @noble/curves 2.4.0 for the same suite", () => {
  const expected =
    "b8eb3a37a0e6110ae95cd10c2a2c804aa2baec20bb388698" +
    "ae9c5cf7d68047c9177550e586ef3e5b6dff67029eaf466f";
  const point = groups.hashToG1(utf8ToBytes("cess"));
  assert.equal(bytesToHex(groups.encode(point)), `0x${expected}`);
});

test("the generators have order r", () => {
  assert(groups.multiply(groups.g1, GROUP_ORDER - 1n).isEqual(negate(groups.g1)));
  assert(groups.multiplyG2(groups.g2, GROUP_ORDER - 1n).isEqual(groups.negateG2(groups.g2)));
});

test("a pairing product tells equal exponents from others", () => {
  const negative = groups.negateG2(groups.g2);
  const product = (left: bigint, right: bigint) =>
    groups.isPairingProductOne([
      [groups.multiply(groups.g1, left), groups.multiplyG2(groups.g2, right)],
      [groups.multiply(groups.g1, 35n), negative],
    ]);
  assert.equal(product(5n, 7n), true);
  assert.equal(product(5n, 8n), false);
});

test("a combination is the sum of its products, in one part and in several", () => {
  assert.equal(groups.combine([], []).isZero(), true);
  const points = Array.from({ length: 5000 }, () => groups.g1);
  const scalars = points.map((_, index) => BigInt(index));
  const expected = groups.multiply(groups.g1, 4999n * 2500n);
  assert(groups.combine(points, scalars).isEqual(expected));
});

test("a fixed base multiplies like any other point", () => {
  const base = groups.hashToG1(utf8ToBytes("base"));
  const fixed = createFixedBase(groups, base);
  for (const scalar of [0n, 1n, 255n, 256n, 0xff00n, GROUP_ORDER - 1n, GROUP_ORDER / 3n]) {
    assert(fixed.multiply(scalar).isEqual(groups.multiply(base, scalar)), `${scalar}`);
  }
});

test("attack: a point of the curve outside the group is refused", () => {
  // x = 0 is on the curve, in the subgroup of order three.
  const encoded = new Uint8Array(G1_BYTES);
  encoded[0] = 0x80;
  assert.equal(groups.decodeOwnG1(encoded).isZero(), false);
  assert.throws(() => groups.decodeG1(encoded), isMalformed);
});

test("attack: a point off the curve is refused", () => {
  const encoded = new Uint8Array(G1_BYTES);
  encoded[0] = 0x80;
  encoded[G1_BYTES - 1] = 1;
  assert.throws(() => groups.decodeG1(encoded), isMalformed);
  assert.throws(() => groups.decodeOwnG1(encoded), isMalformed);
});

test("attack: a second encoding of a point is refused", () => {
  const x = BigInt(bytesToHex(groups.encode(groups.g1))) & ((1n << 381n) - 1n);
  const zero = `c0${"00".repeat(47)}`;
  const forgeries = [
    withFlags(x, 0x00n),
    withFlags(x, 0xc0n),
    withFlags(FIELD_ORDER, 0x80n),
    `${zero.slice(0, -1)}1`,
    `e0${zero.slice(2)}`,
    `40${zero.slice(2)}`,
    zero.slice(2),
    `${zero}00`,
  ];
  for (const forgery of forgeries) {
    assert.throws(() => groups.decodeG1(hexToBytes(forgery)), isMalformed, forgery);
  }
  assert.equal(groups.decodeG1(hexToBytes(zero)).isZero(), true);
});

function withFlags(x: bigint, flags: bigint): string {
  return ((flags << 376n) | x).toString(16).padStart(2 * G1_BYTES, "0");
}

function negate(point: G1): G1 {
  const encoded = groups.encode(point);
  encoded[0] = (encoded[0] as number) ^ 0x20;
  return groups.decodeG1(encoded);
}
