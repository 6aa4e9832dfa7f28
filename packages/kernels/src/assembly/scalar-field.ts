/**
 * Sums of products of sectors (31 bytes, big-endian) and weights, without reduction.
 *
 * Numbers are rows of 29-bit limbs, least significant first; a sector has nine. Products of limbs
 * go to 64-bit columns, column k standing for 2^(29k), and carry only when a column might overflow:
 * nine products of 2^58 fit seven times. The host reduces the final columns by the group order.
 */

const LIMB_BITS: u64 = 29;
const LIMB_MASK: u64 = (1 << 29) - 1;
const SECTOR_BYTES: usize = 31;
/** Columns of a dot product: 9 + 9 - 1, and one for the carries. */
const DOT_COLUMNS: i32 = 18;
const DOT_ADDITIONS_MAX: i32 = 7;
/** Columns of a combination with weights of five limbs: 5 + 9 - 1, and one for the carries. */
const COMBINATION_COLUMNS: i32 = 14;

/** Limbs of the sector that is being multiplied; in the page that is the kernel's own. */
const SECTOR: usize = memory.data(9 * 4, 16);

/** Nine limbs at `SECTOR`. Reads one byte before `sector`, which is shifted out. */
// @ts-ignore: decorator
@inline
function unpack(sector: usize): void {
  const low = reverse(v128.load(sector + 15));
  const high = reverse(v128.load(sector - 1));
  const w0 = i64x2.extract_lane(low, 0);
  const w1 = i64x2.extract_lane(low, 1);
  const w2 = i64x2.extract_lane(high, 0);
  const w3 = i64x2.extract_lane(high, 1) & 0x00ff_ffff_ffff_ffff;
  store<u32>(SECTOR, <u32>(w0 & LIMB_MASK), 0);
  store<u32>(SECTOR, <u32>((w0 >>> 29) & LIMB_MASK), 4);
  store<u32>(SECTOR, <u32>(((w0 >>> 58) | (w1 << 6)) & LIMB_MASK), 8);
  store<u32>(SECTOR, <u32>((w1 >>> 23) & LIMB_MASK), 12);
  store<u32>(SECTOR, <u32>(((w1 >>> 52) | (w2 << 12)) & LIMB_MASK), 16);
  store<u32>(SECTOR, <u32>((w2 >>> 17) & LIMB_MASK), 20);
  store<u32>(SECTOR, <u32>(((w2 >>> 46) | (w3 << 18)) & LIMB_MASK), 24);
  store<u32>(SECTOR, <u32>((w3 >>> 11) & LIMB_MASK), 28);
  store<u32>(SECTOR, <u32>(w3 >>> 40), 32);
}

// @ts-ignore: decorator
@inline
function reverse(value: v128): v128 {
  return i8x16.shuffle(value, value, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/** Adds the product of one limb and the nine limbs at `row` to nine columns. */
// @ts-ignore: decorator
@inline
function addProducts(columns: usize, limb: u64, row: usize): void {
  store<u64>(columns, load<u64>(columns, 0) + limb * <u64>load<u32>(row, 0), 0);
  store<u64>(columns, load<u64>(columns, 8) + limb * <u64>load<u32>(row, 4), 8);
  store<u64>(columns, load<u64>(columns, 16) + limb * <u64>load<u32>(row, 8), 16);
  store<u64>(columns, load<u64>(columns, 24) + limb * <u64>load<u32>(row, 12), 24);
  store<u64>(columns, load<u64>(columns, 32) + limb * <u64>load<u32>(row, 16), 32);
  store<u64>(columns, load<u64>(columns, 40) + limb * <u64>load<u32>(row, 20), 40);
  store<u64>(columns, load<u64>(columns, 48) + limb * <u64>load<u32>(row, 24), 48);
  store<u64>(columns, load<u64>(columns, 56) + limb * <u64>load<u32>(row, 28), 56);
  store<u64>(columns, load<u64>(columns, 64) + limb * <u64>load<u32>(row, 32), 64);
}

/** Leaves every column but the last below 2^29. */
function carry(columns: usize, count: i32): void {
  let carried: u64 = 0;
  for (let column = 0; column < count - 1; column++) {
    const sum = load<u64>(columns) + carried;
    store<u64>(columns, sum & LIMB_MASK);
    carried = sum >> LIMB_BITS;
    columns += 8;
  }
  store<u64>(columns, load<u64>(columns) + carried);
}

/** Adds Σ sector_j · weight_j to 18 columns; weights are nine limbs of u32 each. */
export function dot(columns: usize, weights: usize, sectors: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    if (index % DOT_ADDITIONS_MAX === 0) carry(columns, DOT_COLUMNS);
    unpack(sectors);
    for (let limb: usize = 0; limb < 9; limb++) {
      addProducts(columns + (limb << 3), load<u32>(SECTOR + (limb << 2)), weights);
    }
    sectors += SECTOR_BYTES;
    weights += 36;
  }
  carry(columns, DOT_COLUMNS);
}

/** Adds weight · sector_j to the 14 columns of each sum j; the weight is five limbs of u32. */
export function combine(sums: usize, weight: usize, sectors: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    unpack(sectors);
    for (let limb: usize = 0; limb < 5; limb++) {
      addProducts(sums + (limb << 3), load<u32>(weight + (limb << 2)), SECTOR);
    }
    sectors += SECTOR_BYTES;
    sums += COMBINATION_COLUMNS << 3;
  }
}

/** Carries in each of `count` sums; due after at most eight calls of `combine`. */
export function carryAll(sums: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    carry(sums, COMBINATION_COLUMNS);
    sums += COMBINATION_COLUMNS << 3;
  }
}
