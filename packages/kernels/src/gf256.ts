import {
  assertProduct,
  type GF256Bank,
  type GF256BankOptions,
  type GF256Matrix,
} from "./gf256-bank.ts";
import { multiplyGF256 } from "./gf256-field.ts";
import { KERNEL_HEAP_BYTES } from "./kernel-memory.ts";
import { createWASMKernel } from "./wasm-kernel.ts";

type Multiply = (
  inputCount: number,
  inputs: number,
  outputs: number,
  tables: number,
  sizeBytes: number,
) => void;

interface GF256Exports {
  readonly multiply1: Multiply;
  readonly multiply4: Multiply;
}

/** The kernel works on two vectors at a time. */
const STEP_BYTES = 32;
/** Keeps equal offsets of neighbouring shards in different sets of the cache. */
const STAGGER_BYTES = 320;
const TABLE_BYTES = 32;
const ADDRESS_BYTES = 4;

/**
 * A bank in WebAssembly memory: fixed-width SIMD, about 4 GiB/s of data for eight rows.
 *
 * @throws {@link KernelError} if the kernel is not built.
 */
export function createGF256Kernel({ shardCount, shardBytes }: GF256BankOptions): GF256Bank {
  const listBytes = roundUp(shardCount * ADDRESS_BYTES, STEP_BYTES);
  // Rows times columns is largest when half of the shards go in and half come out.
  const tablesBytes = Math.ceil(shardCount ** 2 / 4) * TABLE_BYTES;
  const strideBytes = roundUp(shardBytes, STEP_BYTES) + STAGGER_BYTES;
  const inputList = KERNEL_HEAP_BYTES;
  const outputList = inputList + listBytes;
  const tables = outputList + listBytes;
  const firstShard = tables + tablesBytes;
  const heapBytes = firstShard + shardCount * strideBytes - KERNEL_HEAP_BYTES;
  const { exports, bytes } = createWASMKernel<GF256Exports>("gf256", heapBytes);

  const addresses = Array.from({ length: shardCount }, (_, i) => firstShard + i * strideBytes);
  const view = new DataView(bytes.buffer);
  const writeList = (list: number, indexes: readonly number[]) => {
    for (const [position, index] of indexes.entries()) {
      view.setUint32(list + position * ADDRESS_BYTES, addresses[index] as number, true);
    }
  };
  const tablesByMatrix = new WeakMap<GF256Matrix, Uint8Array>();
  const tablesOf = (matrix: GF256Matrix): Uint8Array => {
    const made = tablesByMatrix.get(matrix) ?? createTables(matrix);
    tablesByMatrix.set(matrix, made);
    return made;
  };
  const bank: GF256Bank = {
    shards: addresses.map((address) => bytes.subarray(address, address + shardBytes)),
    shardBytes,
    multiply(matrix, product) {
      assertProduct(bank, matrix, product);
      writeList(inputList, product.inputs);
      writeList(outputList, product.outputs);
      bytes.set(tablesOf(matrix), tables);
      const paddedBytes = roundUp(product.sizeBytes, STEP_BYTES);
      for (let row = 0; row < matrix.rows; ) {
        const step = groupRows(matrix.rows - row);
        const multiply = step === 4 ? exports.multiply4 : exports.multiply1;
        const table = tables + row * matrix.columns * TABLE_BYTES;
        const outputs = outputList + row * ADDRESS_BYTES;
        multiply(matrix.columns, inputList, outputs, table, paddedBytes);
        row += step;
      }
    },
  };
  return bank;
}

/** How many of the remaining rows the next call takes. */
function groupRows(remaining: number): 1 | 4 {
  return remaining >= 4 ? 4 : 1;
}

/** Tables in the order of the kernel: row group, input, row of the group. */
function createTables(matrix: GF256Matrix): Uint8Array {
  const { rows, columns, coefficients } = matrix;
  const made = new Uint8Array(rows * columns * TABLE_BYTES);
  let offset = 0;
  for (let first = 0; first < rows; first += groupRows(rows - first)) {
    for (let column = 0; column < columns; column += 1) {
      for (let row = first; row < first + groupRows(rows - first); row += 1) {
        writeTable(coefficients[row * columns + column] as number, made, offset);
        offset += TABLE_BYTES;
      }
    }
  }
  return made;
}

/** Products of `coefficient` with each low nibble, then with each high nibble. */
function writeTable(coefficient: number, into: Uint8Array, offset: number): void {
  for (let nibble = 0; nibble < 16; nibble += 1) {
    into[offset + nibble] = multiplyGF256(coefficient, nibble);
    into[offset + 16 + nibble] = multiplyGF256(coefficient, nibble << 4);
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
