import { bench } from "@cess/std/bench";
import { createGF256Kernel } from "./gf256.ts";
import { type GF256Matrix, multiplyThroughBank } from "./gf256-bank.ts";

const SIZES = {
  inputs: [4, 4],
  outputs: [8, 8],
  shardBytes: [4096, 2 ** 20],
} as const;

await bench("gf256/in-place", SIZES, ({ sizes, seed }) => {
  const { inputs, outputs, shardBytes } = sizes;
  const bank = createGF256Kernel({ shardCount: inputs + outputs, shardBytes });
  for (const [index, shard] of bank.shards.entries()) fill(shard, seed + index);
  const matrix = createMatrix(outputs, inputs);
  const product = {
    inputs: Array.from({ length: inputs }, (_, index) => index),
    outputs: Array.from({ length: outputs }, (_, index) => inputs + index),
    sizeBytes: shardBytes,
  };
  return {
    bytes: inputs * shardBytes,
    body() {
      bank.multiply(matrix, product);
      return bank.shards.at(-1) as Uint8Array;
    },
  };
});

await bench("gf256/from-anywhere", SIZES, ({ sizes, seed }) => {
  const { inputs, outputs, shardBytes } = sizes;
  const bank = createGF256Kernel({ shardCount: inputs + outputs, shardBytes: 16 * 1024 });
  const from = Array.from({ length: inputs }, (_, index) =>
    fill(new Uint8Array(shardBytes), seed + index),
  );
  const into = Array.from({ length: outputs }, () => new Uint8Array(shardBytes));
  const matrix = createMatrix(outputs, inputs);
  return {
    bytes: inputs * shardBytes,
    body() {
      multiplyThroughBank(bank, matrix, { inputs: from, outputs: into });
      return into.at(-1) as Uint8Array;
    },
  };
});

/** Coefficients of no structure: the speed does not depend on them. */
function createMatrix(rows: number, columns: number): GF256Matrix {
  return { rows, columns, coefficients: fill(new Uint8Array(rows * columns), rows) };
}

function fill(bytes: Uint8Array, seed: number): Uint8Array {
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Math.imul(index + seed, 2_654_435_761) >>> 23;
  }
  return bytes;
}
