/**
 * Weighted sums of sectors modulo a prime: the arithmetic in which proofs of retrievability spend
 * their time. Products are summed unreduced in WebAssembly; one reduction ends each sum.
 * @module
 */
import assert from "node:assert/strict";
import { KERNEL_HEAP_BYTES } from "./kernel-memory.ts";
import { createWASMKernel, type WASMKernel } from "./wasm-kernel.ts";

/** Bytes of a sector, read as a big-endian integer. */
export const SECTOR_BYTES: number = 31;
/** Bits of a dot product's weights, and of a combination's. */
export const DOT_WEIGHT_BITS: number = 256;
export const COMBINATION_WEIGHT_BITS: number = 145;

const LIMB_BITS = 29n;
const LIMB_MASK = (1n << LIMB_BITS) - 1n;
const DOT_LIMBS = 9;
const DOT_COLUMNS = 18;
const COMBINATION_LIMBS = 5;
const COMBINATION_COLUMNS = 14;
/** Products of a combination that fit a column before it must carry. */
const COMBINATIONS_BEFORE_CARRY = 8;
/** The kernel loads sixteen bytes at a time: one byte before a sector is read, never used. */
const SECTOR_LEAD_BYTES = 16;

interface ScalarFieldExports {
  dot(columns: number, weights: number, sectors: number, count: number): void;
  combine(sums: number, weight: number, sectors: number, count: number): void;
  carryAll(sums: number, count: number): void;
}

/** Sums with fixed weights: Σ_j sector_j · weight_j. */
export interface SectorDotProduct {
  /** `bytes` are at most as many sectors as there are weights; the last may be cut short. */
  sum(bytes: Uint8Array): bigint;
}

/** Sums over many blocks: for each j, Σ_i weight_i · sector_ij. */
export interface SectorCombination {
  /** `weight` is below 2^145; `bytes` that end early stand for zeros. */
  add(bytes: Uint8Array, weight: bigint): void;
  /** The sums of all that was added; the next addition starts from zero. */
  finish(): readonly bigint[];
}

/** @param weights - Below `modulus`, which is below 2^256. */
export function createSectorDotProduct(
  weights: readonly bigint[],
  modulus: bigint,
): SectorDotProduct {
  assert(modulus < 1n << BigInt(DOT_WEIGHT_BITS));
  const layout = layOut(DOT_COLUMNS * 8, weights.length * DOT_LIMBS * 4, weights.length);
  const kernel = createWASMKernel<ScalarFieldExports>("scalar-field", layout.heapBytes);
  const view = new DataView(kernel.bytes.buffer);
  weights.forEach((weight, index) => {
    assert(weight >= 0n && weight < modulus);
    writeLimbs(view, layout.weights + index * DOT_LIMBS * 4, weight, DOT_LIMBS);
  });
  return {
    sum(bytes) {
      const count = writeSectors(kernel, layout, bytes);
      kernel.bytes.fill(0, layout.sums, layout.weights);
      kernel.exports.dot(layout.sums, layout.weights, layout.sectors, count);
      return readColumns(view, layout.sums, DOT_COLUMNS) % modulus;
    },
  };
}

export function createSectorCombination(sectorCount: number, modulus: bigint): SectorCombination {
  const sumBytes = COMBINATION_COLUMNS * 8;
  const layout = layOut(sectorCount * sumBytes, COMBINATION_LIMBS * 4, sectorCount);
  const kernel = createWASMKernel<ScalarFieldExports>("scalar-field", layout.heapBytes);
  const view = new DataView(kernel.bytes.buffer);
  let additions = 0;
  return {
    add(bytes, weight) {
      assert(weight >= 0n && weight < 1n << BigInt(COMBINATION_WEIGHT_BITS));
      const count = writeSectors(kernel, layout, bytes);
      writeLimbs(view, layout.weights, weight, COMBINATION_LIMBS);
      kernel.exports.combine(layout.sums, layout.weights, layout.sectors, count);
      additions += 1;
      if (additions % COMBINATIONS_BEFORE_CARRY === 0) {
        kernel.exports.carryAll(layout.sums, sectorCount);
      }
    },
    finish() {
      const sums = Array.from({ length: sectorCount }, (_, index) => {
        return readColumns(view, layout.sums + index * sumBytes, COMBINATION_COLUMNS) % modulus;
      });
      kernel.bytes.fill(0, layout.sums, layout.weights);
      additions = 0;
      return sums;
    },
  };
}

/** Addresses in the kernel's memory. */
interface Layout {
  readonly sums: number;
  readonly weights: number;
  readonly sectors: number;
  readonly sectorCount: number;
  readonly heapBytes: number;
}

function layOut(sumBytes: number, weightBytes: number, sectorCount: number): Layout {
  const sums = KERNEL_HEAP_BYTES;
  const weights = sums + sumBytes;
  const sectors = weights + weightBytes + SECTOR_LEAD_BYTES;
  const heapBytes = sectors + sectorCount * SECTOR_BYTES - KERNEL_HEAP_BYTES;
  return { sums, weights, sectors, sectorCount, heapBytes };
}

/** Copies `bytes` in, fills up the last sector with zeros, and returns how many sectors there are. */
function writeSectors(kernel: WASMKernel<object>, layout: Layout, bytes: Uint8Array): number {
  const count = Math.ceil(bytes.length / SECTOR_BYTES);
  assert(count <= layout.sectorCount);
  kernel.bytes.set(bytes, layout.sectors);
  kernel.bytes.fill(0, layout.sectors + bytes.length, layout.sectors + count * SECTOR_BYTES);
  return count;
}

function writeLimbs(view: DataView, address: number, value: bigint, count: number): void {
  for (let limb = 0; limb < count; limb += 1) {
    const digits = (value >> (LIMB_BITS * BigInt(limb))) & LIMB_MASK;
    view.setUint32(address + 4 * limb, Number(digits), true);
  }
}

function readColumns(view: DataView, address: number, count: number): bigint {
  let value = 0n;
  for (let column = count - 1; column >= 0; column -= 1) {
    value = (value << LIMB_BITS) + view.getBigUint64(address + 8 * column, true);
  }
  return value;
}
