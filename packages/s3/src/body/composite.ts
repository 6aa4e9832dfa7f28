/**
 * Checksums of whole objects from those of their parts.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { bigintToBytes, bytesToBigint, concatBytes } from "@cess/std/bytes";
import { crc32c } from "@node-rs/crc32";
import type { Checksum, ChecksumAlgorithm, ChecksumType } from "./checksum.ts";

export interface PartChecksum {
  readonly checksum: Checksum;
  readonly sizeBytes: number;
}

interface CRC {
  readonly bits: bigint;
  /** Reflected: the coefficient of x⁰ is the highest bit. */
  readonly polynomial: bigint;
}

const CRCS: Readonly<Partial<Record<ChecksumAlgorithm, CRC>>> = {
  CRC32: { bits: 32n, polynomial: 0xedb8_8320n },
  CRC32C: { bits: 32n, polynomial: 0x82f6_3b78n },
  CRC64NVME: { bits: 64n, polynomial: 0x9a6c_9329_ac4b_c9b5n },
};

/** What an upload gets that names an algorithm but no type. */
export function defaultChecksumType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";
}

export function isChecksumTypeOf(type: ChecksumType, algorithm: ChecksumAlgorithm): boolean {
  if (type === "FULL_OBJECT") return CRCS[algorithm] !== undefined;
  return algorithm !== "CRC64NVME";
}

/** @param parts - In order, all of one algorithm. */
export function checksumOfParts(parts: readonly PartChecksum[], type: ChecksumType): Checksum {
  const algorithm = parts[0]?.checksum.algorithm;
  assert(algorithm !== undefined);
  const values = parts.map(({ checksum }) => {
    assert.equal(checksum.algorithm, algorithm);
    return Buffer.from(checksum.value, "base64");
  });
  if (type === "COMPOSITE") {
    const digest = hashOf(algorithm, concatBytes(...values));
    const value = `${digest.toString("base64")}-${parts.length}`;
    return { algorithm, type, value };
  }
  const crc = CRCS[algorithm];
  assert(crc !== undefined, "only a CRC can be combined");
  const sizes = parts.map(({ sizeBytes }) => sizeBytes);
  const combined = combineCRCs(crc, values.map(bytesToBigint), sizes);
  const bytes = bigintToBytes(combined, Number(crc.bits) / 8);
  return { algorithm, type, value: Buffer.from(bytes).toString("base64") };
}

function hashOf(algorithm: ChecksumAlgorithm, bytes: Uint8Array): Buffer {
  switch (algorithm) {
    case "CRC32":
      return uint32(crc32(bytes));
    case "CRC32C":
      return uint32(crc32c(bytes));
    case "SHA1":
    case "SHA256":
      return createHash(algorithm.toLowerCase()).update(bytes).digest();
    case "CRC64NVME":
      assert.fail("CRC64NVME has no composite form");
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** CRC of a concatenation: shift what is before by the length of what follows, and add. */
function combineCRCs(crc: CRC, values: readonly bigint[], sizes: readonly number[]): bigint {
  // Parts are mostly of one size, so the shift by it is worth keeping.
  const shifts = new Map<number, bigint>();
  const shiftBy = (sizeBytes: number): bigint => {
    const known = shifts.get(sizeBytes);
    if (known !== undefined) return known;
    const shift = powerOfX(crc, 8n * BigInt(sizeBytes));
    shifts.set(sizeBytes, shift);
    return shift;
  };
  return values.reduce((sum, value, index) => {
    return index === 0 ? value : multiply(crc, shiftBy(sizes[index] as number), sum) ^ value;
  }, 0n);
}

/** x^exponent modulo the polynomial, by squaring. */
function powerOfX(crc: CRC, exponent: bigint): bigint {
  let result = 1n << (crc.bits - 1n);
  let square = result >> 1n;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(crc, square, result);
    square = multiply(crc, square, square);
  }
  return result;
}

function multiply({ bits, polynomial }: CRC, left: bigint, right: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let mask = 1n << (bits - 1n); mask > 0n; mask >>= 1n) {
    if (left & mask) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}
