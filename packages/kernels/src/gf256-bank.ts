import assert from "node:assert/strict";

/** Coefficients over GF(2^8), row after row: one row for each output, one column for each input. */
export interface GF256Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly coefficients: Uint8Array;
}

/** One product within a bank: which of its shards go in and which are set. */
export interface GF256Product {
  /** Indexes of shards, as many as the matrix has columns. */
  readonly inputs: readonly number[];
  /** Indexes of shards, as many as the matrix has rows, none of them an input. */
  readonly outputs: readonly number[];
  /** Bytes of each shard that take part; what follows them in an output is undefined. */
  readonly sizeBytes: number;
}

/**
 * A fixed set of equally long byte arrays with arithmetic in place. Writing into `shards` is the way
 * to hand data in without a copy; views stay valid for the life of the bank.
 */
export interface GF256Bank {
  readonly shards: readonly Uint8Array[];
  readonly shardBytes: number;
  /** Sets outputs = matrix · inputs, byte by byte. */
  multiply(matrix: GF256Matrix, product: GF256Product): void;
}

export interface GF256BankOptions {
  readonly shardCount: number;
  readonly shardBytes: number;
}

/**
 * Sets outputs = matrix · inputs for arrays anywhere, of any one length, by tiles through `bank`,
 * which must have as many shards as there are inputs and outputs together.
 *
 * PERF: two copies beside the product; shards of 16 KiB keep a tile within the second-level cache.
 */
export function multiplyThroughBank(
  bank: GF256Bank,
  matrix: GF256Matrix,
  {
    inputs,
    outputs,
  }: { readonly inputs: readonly Uint8Array[]; readonly outputs: readonly Uint8Array[] },
): void {
  const { shards, shardBytes } = bank;
  assert(inputs.length + outputs.length <= shards.length, "the bank has too few shards");
  const totalBytes = inputs[0]?.length ?? 0;
  for (const each of [...inputs, ...outputs]) assert.equal(each.length, totalBytes);
  const inputIndexes = inputs.map((_, index) => index);
  const outputIndexes = outputs.map((_, index) => inputs.length + index);
  for (let start = 0; start < totalBytes; start += shardBytes) {
    const sizeBytes = Math.min(shardBytes, totalBytes - start);
    for (const [index, input] of inputs.entries()) {
      shards[index]?.set(input.subarray(start, start + sizeBytes));
    }
    bank.multiply(matrix, { inputs: inputIndexes, outputs: outputIndexes, sizeBytes });
    for (const [index, output] of outputs.entries()) {
      output.set((shards[inputs.length + index] as Uint8Array).subarray(0, sizeBytes), start);
    }
  }
}

/** Asserts what both implementations of {@link GF256Bank} rely on. */
export function assertProduct(bank: GF256Bank, matrix: GF256Matrix, product: GF256Product): void {
  const { inputs, outputs, sizeBytes } = product;
  assert.equal(matrix.coefficients.length, matrix.rows * matrix.columns);
  assert.equal(inputs.length, matrix.columns);
  assert.equal(outputs.length, matrix.rows);
  assert(sizeBytes >= 0 && sizeBytes <= bank.shardBytes);
  for (const index of [...inputs, ...outputs]) assert(bank.shards[index] !== undefined);
  assert(!outputs.some((index) => inputs.includes(index)), "a shard is both input and output");
}
