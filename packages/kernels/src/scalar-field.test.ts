import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  COMBINATION_WEIGHT_BITS,
  createSectorCombination,
  createSectorDotProduct,
  SECTOR_BYTES,
} from "./scalar-field.ts";

/** The order of BLS12-381's groups. */
const MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const COUNT = 19;
const COMBINATION_WEIGHT_MAX = (1n << BigInt(COMBINATION_WEIGHT_BITS)) - 1n;

const scalars = fc.bigInt({ min: 0n, max: MODULUS - 1n });
const blocks = fc.uint8Array({ maxLength: COUNT * SECTOR_BYTES });

test("a dot product is that of big integers, for every length", () => {
  const weightLists = fc.array(scalars, { minLength: COUNT, maxLength: COUNT });
  fc.assert(
    fc.property(weightLists, blocks, (weights, block) => {
      const expected = sum(sectorsOf(block).map((sector, j) => sector * (weights[j] as bigint)));
      assert.equal(createSectorDotProduct(weights, MODULUS).sum(block), expected);
    }),
    { numRuns: 60 },
  );
});

test("the largest dot products of a block lose no carry", () => {
  const block = new Uint8Array(4096 * SECTOR_BYTES).fill(0xff);
  // The second has all bits set in its limbs but the last: the most that a column can meet.
  for (const weight of [MODULUS - 1n, (1n << 254n) - 1n]) {
    const weights = Array.from({ length: 4096 }, () => weight);
    const expected = sum(sectorsOf(block).map((sector) => sector * weight));
    assert.equal(createSectorDotProduct(weights, MODULUS).sum(block), expected);
  }
});

test("one dot product leaves nothing behind for the next", () => {
  const product = createSectorDotProduct([3n, 5n, 7n], MODULUS);
  product.sum(new Uint8Array(3 * SECTOR_BYTES).fill(0xff));
  assert.equal(product.sum(Uint8Array.of(...new Uint8Array(30), 2)), 6n);
  assert.equal(product.sum(new Uint8Array()), 0n);
});

test("a combination is that of big integers, and starts again from zero", () => {
  const weights = fc.bigInt({ min: 0n, max: COMBINATION_WEIGHT_MAX });
  const combination = createSectorCombination(COUNT, MODULUS);
  fc.assert(
    fc.property(fc.array(fc.tuple(blocks, weights), { maxLength: 30 }), (parts) => {
      for (const [block, weight] of parts) combination.add(block, weight);
      const expected = Array.from({ length: COUNT }, (_, j) => {
        return sum(parts.map(([block, weight]) => (sectorsOf(block)[j] ?? 0n) * weight));
      });
      assert.deepEqual(combination.finish(), expected);
    }),
    { numRuns: 40 },
  );
});

test("the largest combination of a thousand blocks loses no carry", () => {
  const combination = createSectorCombination(2, MODULUS);
  const block = new Uint8Array(2 * SECTOR_BYTES).fill(0xff);
  for (let index = 0; index < 1000; index += 1) combination.add(block, COMBINATION_WEIGHT_MAX);
  const each = (1000n * COMBINATION_WEIGHT_MAX * ((1n << 248n) - 1n)) % MODULUS;
  assert.deepEqual(combination.finish(), [each, each]);
});

function sectorsOf(block: Uint8Array): readonly bigint[] {
  return Array.from({ length: Math.ceil(block.length / SECTOR_BYTES) }, (_, index) => {
    const sector = block.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES);
    return BigInt(
      `0x${Buffer.from(sector)
        .toString("hex")
        .padEnd(2 * SECTOR_BYTES, "0")}`,
    );
  });
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n) % MODULUS;
}
