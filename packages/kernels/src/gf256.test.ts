import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createGF256Kernel } from "./gf256.ts";
import { type GF256Bank, type GF256Matrix, multiplyThroughBank } from "./gf256-bank.ts";
import { invertGF256, multiplyGF256, powerGF256 } from "./gf256-field.ts";
import { createGF256Reference } from "./gf256-reference.ts";

/** Carry-less product reduced modulo 0x11D, bit by bit: shares nothing with the tables. */
function multiplySlowly(left: number, right: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product <<= 1;
    if (product > 255) product ^= 0x11d;
    if ((right >> bit) & 1) product ^= left;
  }
  return product;
}

test("the field agrees with bitwise arithmetic for every pair, and every inverse inverts", () => {
  for (let left = 0; left < 256; left += 1) {
    for (let right = 0; right < 256; right += 1) {
      assert.equal(multiplyGF256(left, right), multiplySlowly(left, right));
    }
    if (left > 0) assert.equal(multiplyGF256(left, invertGF256(left)), 1);
  }
  assert.throws(() => invertGF256(0));
});

test("powers follow from products, and 0^0 is 1", () => {
  for (const base of [0, 1, 2, 3, 0x8e, 255]) {
    let expected = 1;
    for (let exponent = 0; exponent < 600; exponent += 1) {
      assert.equal(powerGF256(base, exponent), expected);
      expected = multiplySlowly(expected, base);
    }
  }
});

const IMPLEMENTATIONS = [
  ["reference", createGF256Reference],
  ["kernel", createGF256Kernel],
] as const;

for (const [name, create] of IMPLEMENTATIONS) {
  describe(name, () => {
    test("multiplies known vectors", () => {
      const bank = create({ shardCount: 3, shardBytes: 4 });
      bank.shards[0]?.set([0x01, 0x80, 0xff, 0x00]);
      bank.shards[1]?.set([0x00, 0x01, 0x0f, 0xf0]);
      const matrix = { rows: 1, columns: 2, coefficients: Uint8Array.of(2, 3) };
      bank.multiply(matrix, { inputs: [0, 1], outputs: [2], sizeBytes: 4 });
      // 2·80 = 1d, 3·01 = 03; 2·ff = e3, 3·0f = 11; 3·f0 = f0 ^ (1e0 ^ 11d) = 0d.
      assert.deepEqual([...(bank.shards[2] as Uint8Array)], [0x02, 0x1e, 0xf2, 0x0d]);
    });

    test("every coefficient times every byte", () => {
      const bank = create({ shardCount: 2, shardBytes: 256 });
      for (let value = 0; value < 256; value += 1) (bank.shards[0] as Uint8Array)[value] = value;
      for (let coefficient = 0; coefficient < 256; coefficient += 1) {
        const matrix = { rows: 1, columns: 1, coefficients: Uint8Array.of(coefficient) };
        bank.multiply(matrix, { inputs: [0], outputs: [1], sizeBytes: 256 });
        for (const [value, product] of (bank.shards[1] as Uint8Array).entries()) {
          assert.equal(product, multiplySlowly(coefficient, value));
        }
      }
    });

    test("no shard but the outputs changes, whatever the length", () => {
      const bank = create({ shardCount: 7, shardBytes: 40 });
      const coefficients = Uint8Array.of(5, 6, 7, 8);
      for (let sizeBytes = 0; sizeBytes <= 40; sizeBytes += 1) {
        for (const [index, shard] of bank.shards.entries()) shard.fill(index + 1);
        const outputs = [1, 2, 4, 5];
        bank.multiply({ rows: 4, columns: 1, coefficients }, { inputs: [3], outputs, sizeBytes });
        for (const index of [0, 3, 6]) {
          assert(bank.shards[index]?.every((value) => value === index + 1));
        }
        const expected = coefficients[0] === 5 && multiplySlowly(5, 4);
        assert(bank.shards[1]?.subarray(0, sizeBytes).every((value) => value === expected));
      }
    });

    test("refuses a shard that is both input and output, and shapes that do not fit", () => {
      const bank = create({ shardCount: 2, shardBytes: 16 });
      const matrix = { rows: 1, columns: 1, coefficients: Uint8Array.of(1) };
      const multiply = (inputs: number[], outputs: number[], sizeBytes: number) =>
        assert.throws(() => bank.multiply(matrix, { inputs, outputs, sizeBytes }));
      multiply([0], [0], 16);
      multiply([0], [2], 16);
      multiply([0, 1], [1], 16);
      multiply([0], [1], 17);
    });
  });
}

test("the kernel computes what the reference does, for any shape and length", () => {
  const shape = fc.record({
    rows: fc.integer({ min: 1, max: 13 }),
    columns: fc.integer({ min: 1, max: 9 }),
    sizeBytes: fc.integer({ min: 0, max: 300 }),
    shardBytes: fc.integer({ min: 1, max: 130 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(shape, ({ rows, columns, sizeBytes, shardBytes, seed }) => {
      const bytes = byteSource(seed);
      const matrix = { rows, columns, coefficients: bytes(rows * columns) };
      const inputs = Array.from({ length: columns }, () => bytes(sizeBytes));
      const options = { shardCount: rows + columns, shardBytes };
      assert.deepEqual(
        product(createGF256Kernel(options), matrix, inputs),
        product(createGF256Reference(options), matrix, inputs),
      );
    }),
    { numRuns: 150 },
  );
});

function product(bank: GF256Bank, matrix: GF256Matrix, inputs: readonly Uint8Array[]) {
  const outputs = Array.from({ length: matrix.rows }, () => new Uint8Array(inputs[0]?.length ?? 0));
  multiplyThroughBank(bank, matrix, { inputs, outputs });
  return outputs;
}

/** Reproducible bytes from a linear congruential generator. */
function byteSource(seed: number): (sizeBytes: number) => Uint8Array {
  let state = seed >>> 0;
  return (sizeBytes) =>
    Uint8Array.from({ length: sizeBytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
}
