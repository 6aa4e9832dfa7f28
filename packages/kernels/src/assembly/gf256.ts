/**
 * Matrix products over GF(2^8) by nibble tables (Plank, Greenan, Miller, FAST 2013): the product of
 * a coefficient and a byte v is low[v & 15] ^ high[v >> 4], and one swizzle looks up sixteen bytes.
 *
 * `inputs` and `outputs` point to lists of shard addresses, little-endian u32. `tables` points to 32
 * bytes (low, then high) for each coefficient, input after input; within an input, row after row.
 * Bytes [0, sizeBytes) of every output are set; sizeBytes is a multiple of 32.
 *
 * PERF: shuffles bound the speed, two for each input, row and 16 bytes. Two vectors at a time share
 * each table load; four rows and two vectors are eight sums, as many as registers hold.
 */

// Indexes are below 16, where the relaxed swizzle and the strict one agree on every machine.
// @ts-ignore: decorator
@inline
function product(low: v128, high: v128, lowNibbles: v128, highNibbles: v128): v128 {
  return v128.xor(i8x16.relaxed_swizzle(low, lowNibbles), i8x16.relaxed_swizzle(high, highNibbles));
}

/** One output row. */
export function multiply1(
  inputCount: i32,
  inputs: usize,
  outputs: usize,
  tables: usize,
  sizeBytes: i32,
): void {
  const mask = i8x16.splat(15);
  const output = <usize>load<u32>(outputs);
  for (let offset = 0; offset < sizeBytes; offset += 32) {
    let sumA = i64x2.splat(0);
    let sumB = sumA;
    let table = tables;
    for (let input = 0; input < inputCount; input++) {
      const address = <usize>load<u32>(inputs + (input << 2)) + offset;
      const low = v128.load(table);
      const high = v128.load(table, 16);
      const a = v128.load(address);
      const b = v128.load(address, 16);
      sumA = v128.xor(sumA, product(low, high, v128.and(a, mask), i8x16.shr_u(a, 4)));
      sumB = v128.xor(sumB, product(low, high, v128.and(b, mask), i8x16.shr_u(b, 4)));
      table += 32;
    }
    v128.store(output + offset, sumA);
    v128.store(output + offset, sumB, 16);
  }
}

/** Four output rows. */
export function multiply4(
  inputCount: i32,
  inputs: usize,
  outputs: usize,
  tables: usize,
  sizeBytes: i32,
): void {
  const mask = i8x16.splat(15);
  const output0 = <usize>load<u32>(outputs);
  const output1 = <usize>load<u32>(outputs, 4);
  const output2 = <usize>load<u32>(outputs, 8);
  const output3 = <usize>load<u32>(outputs, 12);
  for (let offset = 0; offset < sizeBytes; offset += 32) {
    let sumA0 = i64x2.splat(0);
    let sumA1 = sumA0;
    let sumA2 = sumA0;
    let sumA3 = sumA0;
    let sumB0 = sumA0;
    let sumB1 = sumA0;
    let sumB2 = sumA0;
    let sumB3 = sumA0;
    let table = tables;
    for (let input = 0; input < inputCount; input++) {
      const address = <usize>load<u32>(inputs + (input << 2)) + offset;
      const a = v128.load(address);
      const aLow = v128.and(a, mask);
      const aHigh = i8x16.shr_u(a, 4);
      const b = v128.load(address, 16);
      const bLow = v128.and(b, mask);
      const bHigh = i8x16.shr_u(b, 4);
      let low = v128.load(table);
      let high = v128.load(table, 16);
      sumA0 = v128.xor(sumA0, product(low, high, aLow, aHigh));
      sumB0 = v128.xor(sumB0, product(low, high, bLow, bHigh));
      low = v128.load(table, 32);
      high = v128.load(table, 48);
      sumA1 = v128.xor(sumA1, product(low, high, aLow, aHigh));
      sumB1 = v128.xor(sumB1, product(low, high, bLow, bHigh));
      low = v128.load(table, 64);
      high = v128.load(table, 80);
      sumA2 = v128.xor(sumA2, product(low, high, aLow, aHigh));
      sumB2 = v128.xor(sumB2, product(low, high, bLow, bHigh));
      low = v128.load(table, 96);
      high = v128.load(table, 112);
      sumA3 = v128.xor(sumA3, product(low, high, aLow, aHigh));
      sumB3 = v128.xor(sumB3, product(low, high, bLow, bHigh));
      table += 128;
    }
    v128.store(output0 + offset, sumA0);
    v128.store(output1 + offset, sumA1);
    v128.store(output2 + offset, sumA2);
    v128.store(output3 + offset, sumA3);
    v128.store(output0 + offset, sumB0, 16);
    v128.store(output1 + offset, sumB1, 16);
    v128.store(output2 + offset, sumB2, 16);
    v128.store(output3 + offset, sumB3, 16);
  }
}
