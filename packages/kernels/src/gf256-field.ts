import assert from "node:assert/strict";

/** x^8 + x^4 + x^3 + x^2 + 1, of which x is a primitive element. */
const POLYNOMIAL = 0x11d;

/** EXP[i] = x^i, twice over, so that a sum of two logarithms needs no reduction. */
const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);

let power = 1;
for (let exponent = 0; exponent < 255; exponent += 1) {
  EXP[exponent] = power;
  EXP[exponent + 255] = power;
  LOG[power] = exponent;
  power <<= 1;
  if (power > 255) power ^= POLYNOMIAL;
}

/** Product of two elements of GF(2^8) modulo 0x11D; a sum is an exclusive or. */
export function multiplyGF256(left: number, right: number): number {
  if (left === 0 || right === 0) return 0;
  return EXP[(LOG[left] as number) + (LOG[right] as number)] as number;
}

/** The element whose product with `value`, which is not 0, is 1. */
export function invertGF256(value: number): number {
  assert(value !== 0, "0 has no inverse");
  return EXP[255 - (LOG[value] as number)] as number;
}

/** `base` to a power of 0 or more; 0^0 = 1. */
export function powerGF256(base: number, exponent: number): number {
  if (exponent === 0) return 1;
  return base === 0 ? 0 : (EXP[((LOG[base] as number) * exponent) % 255] as number);
}
