import assert from "node:assert/strict";
import { test } from "node:test";
import { CHALLENGE_SAMPLES } from "@cess/params/podr2";
import fc from "fast-check";
import {
  challengeScalars,
  challengeTerms,
  keySeed,
  samplePositions,
  TOTAL_BLOCKS_MAX,
} from "./challenge.ts";
import { GROUP_ORDER } from "./field.ts";
import { challengeBlocks, hash } from "./fixture.ts";

test("positions are below the total, whatever it is", () => {
  const totals = fc.integer({ min: 1, max: TOTAL_BLOCKS_MAX });
  fc.assert(
    fc.property(totals, fc.string(), (totalBlocks, label) => {
      const positions = samplePositions(hash(label), { totalBlocks, count: 20 });
      assert.equal(positions.length, 20);
      assert(positions.every((position) => position >= 0 && position < totalBlocks));
    }),
    { numRuns: 200 },
  );
});

test("positions are uniform: chi-square over ten bins", () => {
  const bins = new Array<number>(10).fill(0);
  for (const position of samplePositions(hash("bins"), { totalBlocks: 10, count: 20_000 })) {
    bins[position] = (bins[position] as number) + 1;
  }
  const chiSquare = bins.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
  // Nine degrees of freedom: above 27.9 with chance 0.001, and the draw is fixed.
  assert(chiSquare < 27.9, `${chiSquare}`);
});

test("a loss of one block in a hundred is met by 460 samples in 99 of 100 challenges", () => {
  const totalBlocks = 1_000_000;
  const challengeCount = 2000;
  const isMet = (index: number) =>
    samplePositions(hash(`loss ${index}`), { totalBlocks, count: CHALLENGE_SAMPLES }).some(
      (position) => position < totalBlocks / 100,
    );
  const met = Array.from({ length: challengeCount }, (_, index) => isMet(index)).filter(Boolean);
  assert(met.length / challengeCount > 0.985, `${met.length}`);
});

test("numbers of a challenge are pinned", () => {
  const { coefficients, point } = challengeScalars(hash("seed"), 2);
  assert.deepEqual(
    coefficients.map((coefficient) => coefficient.toString(16)),
    ["f80946c0823c8e8c8cc36e5c2825cf8d", "f374b79149c222ec73cd627113ad43f4"],
  );
  assert.equal(
    point.toString(16),
    "1f8e8e6c6e0c9bc56d043eaf860581402f0b6ac68b0442b01101092e6141271c",
  );
  const positions = samplePositions(hash("seed"), { totalBlocks: TOTAL_BLOCKS_MAX, count: 2 });
  assert.deepEqual(positions, [241447595271042, 181346895466992]);
});

test("coefficients have 128 bits, the point is a scalar, and all depend on the seed", () => {
  const first = challengeScalars(hash("a"), 100);
  const second = challengeScalars(hash("b"), 100);
  assert(first.coefficients.every((coefficient) => coefficient < 1n << 128n));
  assert.equal(new Set([...first.coefficients, ...second.coefficients]).size, 200);
  assert(first.point < GROUP_ORDER && first.point !== second.point);
});

test("samples of one block merge into the sum of their coefficients", () => {
  const name = { fid: hash("file"), segmentIndex: 0, column: 0 };
  const challenge = challengeBlocks("seed", name, [5, 6, 5]);
  const [first, second, third] = challengeScalars(challenge.seed, 3).coefficients as [
    bigint,
    bigint,
    bigint,
  ];
  assert.deepEqual(challengeTerms(challenge).terms, [
    { block: { ...name, blockIndex: 5 }, coefficient: first + third },
    { block: { ...name, blockIndex: 6 }, coefficient: second },
  ]);
});

test("each key has a seed of its own", () => {
  assert.notDeepEqual(keySeed(hash("s"), hash("k1")), keySeed(hash("s"), hash("k2")));
  assert.notDeepEqual(keySeed(hash("s"), hash("k1")), keySeed(hash("t"), hash("k1")));
});
