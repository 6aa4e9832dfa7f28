/**
 * Integers modulo the order of BLS12-381's groups, as `bigint` in [0, r).
 * @module
 */
import { bigintToBytes, bytesToBigint } from "@cess/std/bytes";
import { ProofError } from "../error.ts";

/** r, the order of the groups. */
export const GROUP_ORDER: bigint =
  0x73eda753_299d7d48_3339d808_09a1d805_53bda402_fffe5bfe_ffffffff_00000001n;
export const SCALAR_BYTES: number = 32;
/** Bytes from which a scalar is reduced with a bias of at most 2^-257. */
export const WIDE_SCALAR_BYTES: number = 64;

/** The remainder in [0, r), of negative values too. */
export function modOrder(value: bigint): bigint {
  const remainder = value % GROUP_ORDER;
  return remainder < 0n ? remainder + GROUP_ORDER : remainder;
}

/** 1, base, base², …: `count` of them. */
export function powersOf(base: bigint, count: number): readonly bigint[] {
  const powers: bigint[] = [];
  for (let power = 1n; powers.length < count; power = modOrder(power * base)) powers.push(power);
  return powers;
}

/** Big-endian. */
export function encodeScalar(scalar: bigint): Uint8Array {
  return bigintToBytes(scalar, SCALAR_BYTES);
}

/** @throws {@link ProofError} `SCALAR_MALFORMED` if the integer is not below r. */
export function decodeScalar(bytes: Uint8Array): bigint {
  const scalar = bytesToBigint(bytes);
  if (bytes.length !== SCALAR_BYTES || scalar >= GROUP_ORDER) {
    throw new ProofError({ code: "SCALAR_MALFORMED" });
  }
  return scalar;
}

/** The quotient (f(X) − f(z)) / (X − z) and the remainder f(z), by Horner's rule. */
export function divideByLinear(
  coefficients: readonly bigint[],
  z: bigint,
): { readonly quotient: readonly bigint[]; readonly remainder: bigint } {
  const quotient = new Array<bigint>(coefficients.length - 1);
  let carried = 0n;
  for (let degree = coefficients.length - 1; degree > 0; degree -= 1) {
    carried = modOrder((coefficients[degree] as bigint) + carried * z);
    quotient[degree - 1] = carried;
  }
  return { quotient, remainder: modOrder((coefficients[0] as bigint) + carried * z) };
}
