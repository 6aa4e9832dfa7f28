import assert from "node:assert/strict";
import type { GF256Matrix } from "@cess/kernels/gf256-bank";
import { invertGF256, multiplyGF256, powerGF256 } from "@cess/kernels/gf256-field";
import { columnCount, type Profile } from "@cess/params/profile";

/** A matrix while it is worked on: mutable rows. */
type Rows = Uint8Array[];

/**
 * Generator of the code: row r gives column r of a stripe from its data columns. The top is the
 * identity, and any k rows are independent, since they are k rows of a Vandermonde matrix times one
 * invertible matrix.
 *
 * @see docs/spec/data-layout.md §3
 */
export function createGenerator(profile: Profile): GF256Matrix {
  const width = profile.dataCount;
  const vandermonde = Array.from({ length: columnCount(profile) }, (_, row) =>
    Uint8Array.from({ length: width }, (_, column) => powerGF256(row, column)),
  );
  return toMatrix(product(vandermonde, inverse(vandermonde.slice(0, width))));
}

/**
 * The matrix that leads from k columns to other columns of the same stripe.
 *
 * @param present - k different column indexes: the order of the inputs.
 * @param wanted - The order of the outputs.
 */
export function createRebuildMatrix(
  generator: GF256Matrix,
  { present, wanted }: { readonly present: readonly number[]; readonly wanted: readonly number[] },
): GF256Matrix {
  assert.equal(new Set(present).size, generator.columns);
  const toData = inverse(selectRows(generator, present));
  return toMatrix(product(selectRows(generator, wanted), toData));
}

/** Some rows of a matrix as a matrix of their own. */
export function subMatrix(matrix: GF256Matrix, rows: readonly number[]): GF256Matrix {
  return toMatrix(selectRows(matrix, rows));
}

function selectRows(
  { coefficients, columns, rows }: GF256Matrix,
  indexes: readonly number[],
): Rows {
  return indexes.map((index) => {
    assert(index >= 0 && index < rows);
    return coefficients.slice(index * columns, (index + 1) * columns);
  });
}

function toMatrix(rows: Rows): GF256Matrix {
  const columns = rows[0]?.length ?? 0;
  return {
    rows: rows.length,
    columns,
    coefficients: Uint8Array.from(rows.flatMap((row) => [...row])),
  };
}

function product(left: Rows, right: Rows): Rows {
  return left.map((row) => {
    const sum = new Uint8Array(right[0]?.length ?? 0);
    for (const [index, factor] of row.entries()) addScaled(sum, right[index] as Uint8Array, factor);
    return sum;
  });
}

/** Gauss–Jordan elimination of a square matrix that has an inverse. */
function inverse(matrix: Rows): Rows {
  const size = matrix.length;
  const left: Rows = matrix.map((row) => row.slice());
  const right: Rows = matrix.map((_, row) => new Uint8Array(size).fill(1, row, row + 1));
  for (let pivot = 0; pivot < size; pivot += 1) {
    const found = left.findIndex((row, index) => index >= pivot && row[pivot] !== 0);
    assert(found !== -1, "rows of the generator are independent");
    for (const side of [left, right]) {
      [side[pivot], side[found]] = [side[found] as Uint8Array, side[pivot] as Uint8Array];
    }
    const scale = invertGF256(left[pivot]?.[pivot] as number);
    for (const side of [left, right]) {
      side[pivot] = (side[pivot] as Uint8Array).map((value) => multiplyGF256(value, scale));
    }
    for (let row = 0; row < size; row += 1) {
      if (row === pivot) continue;
      const factor = left[row]?.[pivot] as number;
      for (const side of [left, right]) {
        addScaled(side[row] as Uint8Array, side[pivot] as Uint8Array, factor);
      }
    }
  }
  return right;
}

/** Adds `factor` times `row` to `sumInto`. */
function addScaled(sumInto: Uint8Array, row: Uint8Array, factor: number): void {
  for (const [index, value] of row.entries()) {
    sumInto[index] = (sumInto[index] as number) ^ multiplyGF256(factor, value);
  }
}
