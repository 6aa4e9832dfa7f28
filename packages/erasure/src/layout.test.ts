import assert from "node:assert/strict";
import { test } from "node:test";
import { PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import {
  columnBlockCount,
  FILE_BYTES_MAX,
  fragmentBlockCount,
  fragmentSizeBytes,
  rangeToReads,
  rangeToStripes,
  segmentCount,
  segmentLayout,
  segmentSizeBytes,
  stripesToFragmentRange,
  UNIT_BYTES,
} from "./layout.ts";

const { standard, economy } = PROFILES;

function refuses(code: string, act: () => unknown): void {
  assert.throws(act, (cause) => hasCode(cause, code));
}

test("a file is cut into full segments and what remains", () => {
  const full = SEGMENT_BYTES_MAX;
  assert.deepEqual([1, full, full + 1, FILE_BYTES_MAX].map(segmentCount), [1, 1, 2, 1000]);
  assert.deepEqual(
    [0, 1].map((index) => segmentSizeBytes(full + 5, index)),
    [full, 5],
  );
  for (const size of [0, -1, 1.5, Number.NaN, FILE_BYTES_MAX + 1]) {
    refuses("FILE_SIZE_INVALID", () => segmentCount(size));
  }
  for (const index of [-1, 2, 0.5]) {
    refuses("SEGMENT_INVALID", () => segmentSizeBytes(full + 5, index));
  }
});

test("vector: fragments are as long as full stripes and the tail make them", () => {
  const sizes: [number, number][] = [
    [1, 1],
    [4, 1],
    [5, 2],
    [4 * UNIT_BYTES - 1, UNIT_BYTES],
    [4 * UNIT_BYTES, UNIT_BYTES],
    [4 * UNIT_BYTES + 1, UNIT_BYTES + 1],
    [SEGMENT_BYTES_MAX, 8 * 2 ** 20],
  ];
  for (const [size, expected] of sizes) assert.equal(fragmentSizeBytes(standard, size), expected);
  assert.equal(fragmentSizeBytes(economy, SEGMENT_BYTES_MAX), 4 * 2 ** 20);
  for (const size of [0, SEGMENT_BYTES_MAX + 1, 1.5]) {
    refuses("SEGMENT_SIZE_INVALID", () => fragmentSizeBytes(standard, size));
  }
});

test("vector: PoDR² blocks of a column", () => {
  assert.deepEqual([1, 126_976, 126_977, 2 ** 23].map(fragmentBlockCount), [1, 1, 2, 67]);
  assert.equal(columnBlockCount(standard, 1), 1);
  assert.equal(columnBlockCount(standard, 2 * SEGMENT_BYTES_MAX), 134);
  assert.equal(columnBlockCount(standard, 2 * SEGMENT_BYTES_MAX + 1), 135);
});

test("vector: reads around the end of the last full stripe", () => {
  const stripe = 4 * UNIT_BYTES;
  // The tail of 10 bytes gives each column 3, the last of them one.
  const reads = rangeToReads(standard, stripe + 10, { offset: stripe - 2, length: 12 });
  const [unit, base] = [UNIT_BYTES, stripe];
  assert.deepEqual(reads, [
    { column: 3, fragmentOffset: unit - 2, segmentOffset: base - 2, length: 2 },
    { column: 0, fragmentOffset: unit, segmentOffset: base, length: 3 },
    { column: 1, fragmentOffset: unit, segmentOffset: base + 3, length: 3 },
    { column: 2, fragmentOffset: unit, segmentOffset: base + 6, length: 3 },
    { column: 3, fragmentOffset: unit, segmentOffset: base + 9, length: 1 },
  ]);
});

test("reads cover a range exactly, in order, within the fragments, no byte twice", () => {
  const segment = fc.record({
    profile: fc.constantFrom(...Object.values(PROFILES)),
    sizeBytes: fc.integer({ min: 1, max: 3 * 8 * UNIT_BYTES }),
    from: fc.nat(),
    to: fc.nat(),
  });
  fc.assert(
    fc.property(segment, ({ profile, sizeBytes, from, to }) => {
      const layout = segmentLayout(profile, sizeBytes);
      const [offset, end] = [from % (sizeBytes + 1), to % (sizeBytes + 1)].sort(
        (a, b) => a - b,
      ) as [number, number];
      const stripes = rangeToStripes(profile, layout, { offset, length: end - offset });
      const inFragment = stripesToFragmentRange(layout, stripes);
      const seen = new Set<string>();
      let next = offset;
      for (const read of rangeToReads(profile, sizeBytes, { offset, length: end - offset })) {
        assert.equal(read.segmentOffset, next);
        assert(read.length > 0 && read.column < profile.dataCount);
        assert(read.fragmentOffset >= inFragment.offset);
        assert(read.fragmentOffset + read.length <= inFragment.offset + inFragment.length);
        const place = `${read.column}:${read.fragmentOffset}`;
        assert(!seen.has(place));
        seen.add(place);
        next += read.length;
      }
      assert.equal(next, end);
    }),
    { numRuns: 200 },
  );
});

test("refuses ranges beyond the segment and stripes that it does not have", () => {
  for (const range of [
    { offset: 0, length: 11 },
    { offset: 11, length: 0 },
    { offset: -1, length: 1 },
    { offset: 0, length: 0.5 },
  ]) {
    refuses("RANGE_INVALID", () => rangeToReads(standard, 10, range));
    refuses("RANGE_INVALID", () => rangeToStripes(standard, segmentLayout(standard, 10), range));
  }
  const layout = segmentLayout(standard, 10);
  refuses("RANGE_INVALID", () => stripesToFragmentRange(layout, { first: 0, count: 2 }));
  refuses("RANGE_INVALID", () => stripesToFragmentRange(layout, { first: 2, count: 0 }));
});
