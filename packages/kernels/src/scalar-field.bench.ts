import { bench } from "@cess/std/bench";
import { bigintToBytes, concatBytes } from "@cess/std/bytes";
import { createSectorCombination, createSectorDotProduct, SECTOR_BYTES } from "./scalar-field.ts";

const MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

await bench("kernels::sector_dot_product", { sectors: [64, 4096] }, ({ sizes, seed }) => {
  const { sectors } = sizes;
  const weights = Array.from({ length: sectors }, (_, index) => MODULUS / BigInt(index + seed));
  const block = new Uint8Array(sectors * SECTOR_BYTES).fill(0xd3);
  const product = createSectorDotProduct(weights, MODULUS);
  return { bytes: block.length, body: () => bigintToBytes(product.sum(block), 32) };
});

await bench("kernels::sector_combination", { sectors: [64, 4096] }, ({ sizes, seed }) => {
  const { sectors } = sizes;
  const blockCount = 16;
  const block = new Uint8Array(sectors * SECTOR_BYTES).fill(0xd3);
  const combination = createSectorCombination(sectors, MODULUS);
  return {
    bytes: blockCount * block.length,
    body() {
      for (let index = 0; index < blockCount; index += 1) {
        combination.add(block, (1n << 127n) + BigInt(index + seed));
      }
      return concatBytes(...combination.finish().map((sum) => bigintToBytes(sum, 32)));
    },
  };
});
