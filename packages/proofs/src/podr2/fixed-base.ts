import type { G1, Groups } from "./groups.ts";

const WINDOW_BITS = 8;
const WINDOWS = 256 / WINDOW_BITS;
const DIGIT_MASK = (1n << BigInt(WINDOW_BITS)) - 1n;

/** Multiplies one point by many scalars, with additions alone. */
export interface FixedBase {
  multiply(scalar: bigint): G1;
}

/** Makes the table of digit · 2^(8·window) · base, 8160 points. */
export function createFixedBase(groups: Groups, base: G1): FixedBase {
  const table: G1[][] = [];
  let unit = base;
  for (let window = 0; window < WINDOWS; window += 1) {
    const row = [unit];
    while (row.length <= Number(DIGIT_MASK)) row.push(groups.add(row.at(-1) as G1, unit));
    unit = row.pop() as G1;
    groups.normalizeInto(row);
    table.push(row);
  }
  return {
    multiply(scalar) {
      let product = groups.combine([], []);
      let rest = scalar;
      for (const row of table) {
        const point = row[Number(rest & DIGIT_MASK) - 1];
        if (point !== undefined) product = groups.add(product, point);
        rest >>= BigInt(WINDOW_BITS);
      }
      return product;
    },
  };
}
