/**
 * Matrix products over GF(2^8) by nibble tables (Plank, Greenan, Miller 2013): the product c·v of a
 * byte is lo[v & 15] ^ hi[v >> 4], and one swizzle looks up sixteen bytes.
 *
 * `inputs` lists the addresses of the input shards, `outputs` those of the output shards, each as
 * little-endian u32. `tables` holds 32 bytes (lo, then hi) for each coefficient; a group of four
 * outputs keeps those of one input side by side.
 *
 * Each function works on bytes [0, sizeBytes) of every shard; sizeBytes is a multiple of 16.
 */

// @ts-ignore: decorator
@inline
function product(table: usize, low: v128, high: v128): v128 {
  return v128.xor(
    i8x16.relaxed_swizzle(v128.load(table), low),
    i8x16.relaxed_swizzle(v128.load(table, 16), high),
  );
}

export function multiply1(inputCount: i32, inputs: usize, outputs: usize, tables: usize, sizeBytes: i32): void {
  const mask = i8x16.splat(15);
  const output0 = <usize>load<u32>(outputs);
  for (let offset = 0; offset < sizeBytes; offset += 16) {
    let sum0 = i64x2.splat(0);
    let table = tables;
    for (let input = 0; input < inputCount; input++) {
      const value = v128.load(<usize>load<u32>(inputs + (input << 2)) + offset);
      sum0 = v128.xor(sum0, product(table, v128.and(value, mask), i8x16.shr_u(value, 4)));
      table += 32;
    }
    v128.store(output0 + offset, sum0);
  }
}

export function multiply4(inputCount: i32, inputs: usize, outputs: usize, tables: usize, sizeBytes: i32): void {
  const mask = i8x16.splat(15);
  const output0 = <usize>load<u32>(outputs);
  const output1 = <usize>load<u32>(outputs, 4);
  const output2 = <usize>load<u32>(outputs, 8);
  const output3 = <usize>load<u32>(outputs, 12);
  for (let offset = 0; offset < sizeBytes; offset += 16) {
    let sum0 = i64x2.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let table = tables;
    for (let input = 0; input < inputCount; input++) {
      const value = v128.load(<usize>load<u32>(inputs + (input << 2)) + offset);
      const low = v128.and(value, mask);
      const high = i8x16.shr_u(value, 4);
      sum0 = v128.xor(sum0, product(table, low, high));
      sum1 = v128.xor(sum1, product(table + 32, low, high));
      sum2 = v128.xor(sum2, product(table + 64, low, high));
      sum3 = v128.xor(sum3, product(table + 96, low, high));
      table += 128;
    }
    v128.store(output0 + offset, sum0);
    v128.store(output1 + offset, sum1);
    v128.store(output2 + offset, sum2);
    v128.store(output3 + offset, sum3);
  }
}
