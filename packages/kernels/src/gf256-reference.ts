import { assertProduct, type GF256Bank, type GF256BankOptions } from "./gf256-bank.ts";
import { multiplyGF256 } from "./gf256-field.ts";

/** The plain meaning of a bank, one byte at a time; what the kernel is tested against. */
export function createGF256Reference({ shardCount, shardBytes }: GF256BankOptions): GF256Bank {
  const shards = Array.from({ length: shardCount }, () => new Uint8Array(shardBytes));
  const bank: GF256Bank = {
    shards,
    shardBytes,
    multiply(matrix, product) {
      assertProduct(bank, matrix, product);
      for (const [row, outputIndex] of product.outputs.entries()) {
        const output = shards[outputIndex] as Uint8Array;
        output.fill(0, 0, product.sizeBytes);
        for (const [column, inputIndex] of product.inputs.entries()) {
          const coefficient = matrix.coefficients[row * matrix.columns + column] as number;
          const input = shards[inputIndex] as Uint8Array;
          for (let index = 0; index < product.sizeBytes; index += 1) {
            output[index]! ^= multiplyGF256(coefficient, input[index] as number);
          }
        }
      }
    },
  };
  return bank;
}
