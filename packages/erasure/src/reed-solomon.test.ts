import assert from "node:assert/strict";
import { test } from "node:test";
import { columnCount, PROFILES, type Profile } from "@cess/params/profile";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import { createErasureCode, type ErasureCode } from "./reed-solomon.ts";

test("vector: 5+5 as in JavaReedSolomon and klauspost/reedsolomon (testOneEncode)", () => {
  const code = createErasureCode({ ...PROFILES.standard, dataCount: 5, parityCount: 5 });
  const data = [
    [0, 1],
    [4, 5],
    [2, 3],
    [6, 7],
    [8, 9],
  ];
  assert.deepEqual(
    parityOf(
      code,
      data.map((shard) => Uint8Array.from(shard)),
    ).map((shard) => [...shard]),
    [
      [12, 13],
      [10, 11],
      [14, 15],
      [90, 91],
      [94, 95],
    ],
  );
});

test("vector: parity of a fixed stripe, pinned for each profile", () => {
  const pinned: Record<string, string> = {
    standard: "26b4f2f6e3d7841750928d334f3b9dec85de4d345616ce830ea2574807a0b2c1",
    economy: "8e0558e9fe915f3bd1b8909ffc7252f6",
    critical:
      "26b4f2f6e3d7841750928d334f3b9dec85de4d345616ce830ea2574807a0b2c120f6d6cf15b81cfc3594db5eda107753",
  };
  for (const profile of Object.values(PROFILES)) {
    const data = Array.from({ length: profile.dataCount }, (_, column) =>
      Uint8Array.from({ length: 4 }, (_, index) => 29 * column ** 3 + 101 * index + 7),
    );
    const parity = parityOf(createErasureCode(profile), data);
    assert.equal(Buffer.concat(parity).toString("hex"), pinned[profile.name]);
  }
});

test("columns are values of the polynomial through the data, at their own index", () => {
  for (const profile of Object.values(PROFILES)) {
    const data = randomShards(profile, { sizeBytes: 50, seed: profile.id });
    const points = data.map((_, column) => column);
    for (const [index, shard] of parityOf(createErasureCode(profile), data).entries()) {
      for (const [offset, value] of shard.entries()) {
        const values = data.map((each) => each[offset] as number);
        assert.equal(value, interpolate(points, values, profile.dataCount + index));
      }
    }
  }
});

test("standard: any four of the twelve columns give all the others", () => {
  const code = createErasureCode(PROFILES.standard);
  const all = encodeAll(code, randomShards(PROFILES.standard, { sizeBytes: 37, seed: 1 }));
  let patterns = 0;
  for (const survivors of choose(columnCount(PROFILES.standard), PROFILES.standard.dataCount)) {
    assertRebuilds(code, all, survivors);
    patterns += 1;
  }
  assert.equal(patterns, 495);
});

test("economy and critical: any k of the columns give all the others", () => {
  for (const profile of [PROFILES.economy, PROFILES.critical]) {
    const code = createErasureCode(profile);
    const columns = Array.from({ length: columnCount(profile) }, (_, column) => column);
    const subset = fc.shuffledSubarray(columns, {
      minLength: profile.dataCount,
      maxLength: profile.dataCount,
    });
    fc.assert(
      fc.property(subset, fc.integer({ min: 0, max: 200 }), (survivors, sizeBytes) => {
        const data = randomShards(profile, { sizeBytes, seed: sizeBytes });
        assertRebuilds(code, encodeAll(code, data), survivors);
      }),
      { numRuns: 100 },
    );
  }
});

test("a changed byte in a survivor changes what is rebuilt: ids, not the code, tell damage", () => {
  const code = createErasureCode(PROFILES.standard);
  const all = encodeAll(code, randomShards(PROFILES.standard, { sizeBytes: 8, seed: 2 }));
  const damaged = (all[4] as Uint8Array).slice();
  damaged[3] = (damaged[3] as number) ^ 1;
  const present = new Map([4, 5, 6, 7].map((column) => [column, all[column] as Uint8Array]));
  const rebuilt = code.rebuild(present.set(4, damaged), [0]).get(0) as Uint8Array;
  assert.notDeepEqual(rebuilt, all[0]);
  assert.deepEqual(rebuilt.with(3, 0), (all[0] as Uint8Array).with(3, 0));
});

test("refuses too few columns, unequal lengths and columns that do not exist", () => {
  const code = createErasureCode(PROFILES.standard);
  const shard = new Uint8Array(4);
  const some = (columns: number[]) => new Map(columns.map((column) => [column, shard]));
  const refuses = (expected: string, act: () => unknown) =>
    assert.throws(act, (cause) => hasCode(cause, expected));
  refuses("SHARDS_TOO_FEW", () => code.rebuild(some([0, 1, 2]), [3]));
  refuses("COLUMN_INVALID", () => code.rebuild(some([0, 1, 2, 3]), [12]));
  refuses("COLUMN_INVALID", () => code.rebuild(some([0, 1, 2, 3.5]), [4]));
  const unequal = some([0, 1, 2]).set(5, new Uint8Array(5));
  refuses("SHARD_SIZE_INVALID", () => code.rebuild(unequal, [3]));
  refuses("SHARDS_TOO_FEW", () => code.encode([shard], []));
});

function parityOf(code: ErasureCode, data: readonly Uint8Array[]): Uint8Array[] {
  const parity = Array.from(
    { length: code.profile.parityCount },
    () => new Uint8Array(data[0]?.length ?? 0),
  );
  code.encode(data, parity);
  return parity;
}

function encodeAll(code: ErasureCode, data: readonly Uint8Array[]): Uint8Array[] {
  return [...data, ...parityOf(code, data)];
}

function assertRebuilds(code: ErasureCode, all: readonly Uint8Array[], survivors: number[]): void {
  const present = new Map(survivors.map((column) => [column, all[column] as Uint8Array]));
  const rebuilt = code.rebuild(
    present,
    all.map((_, column) => column),
  );
  assert.deepEqual([...rebuilt.values()], all, `from ${survivors}`);
}

function randomShards(
  { dataCount }: Profile,
  { sizeBytes, seed }: { readonly sizeBytes: number; readonly seed: number },
): Uint8Array[] {
  let state = seed;
  return Array.from({ length: dataCount }, () =>
    Uint8Array.from({ length: sizeBytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

/** All sorted ways to take `count` of the integers below `size`. */
function* choose(size: number, count: number, first = 0): Generator<number[]> {
  if (count === 0) return yield [];
  for (let head = first; head <= size - count; head += 1) {
    for (const tail of choose(size, count - 1, head + 1)) yield [head, ...tail];
  }
}

/** Lagrange interpolation with bitwise arithmetic: shares nothing with the code under test. */
function interpolate(points: readonly number[], values: readonly number[], at: number): number {
  let sum = 0;
  for (const [index, point] of points.entries()) {
    let term = values[index] as number;
    for (const other of points) {
      if (other === point) continue;
      term = times(times(term, at ^ other), reciprocal(point ^ other));
    }
    sum ^= term;
  }
  return sum;
}

function times(left: number, right: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
    if ((right >> bit) & 1) product ^= left;
  }
  return product;
}

/** value^254. */
function reciprocal(value: number): number {
  let result = 1;
  for (let step = 0; step < 254; step += 1) result = times(result, value);
  return result;
}
