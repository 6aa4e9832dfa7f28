import assert from "node:assert/strict";
import { test } from "node:test";
import { merkleRootOfHashes } from "@cess/crypto/merkle";
import { columnCount, PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { bytesToHex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import { fragmentLeafHashes, segmentIdOf } from "./ids.ts";
import {
  rangeToReads,
  rangeToStripes,
  segmentLayout,
  stripesToFragmentRange,
  UNIT_BYTES,
} from "./layout.ts";
import { createErasureCode } from "./reed-solomon.ts";
import { decodeStripes } from "./segment-decoder.ts";
import { encodeSegment, SegmentEncoder } from "./segment-encoder.ts";

const CODES = Object.values(PROFILES).map(createErasureCode);

/** Reproducible bytes. */
function testBytes(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = seed;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** A segment of up to two and a half stripes, often right at a boundary. */
const segments = fc.constantFrom(...CODES).chain((code) =>
  fc.record({
    code: fc.constant(code),
    sizeBytes: fc.oneof(
      fc.integer({ min: 1, max: 2.5 * code.profile.dataCount * UNIT_BYTES }),
      fc
        .tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: -3, max: 3 }))
        .map(([stripes, more]) => stripes * code.profile.dataCount * UNIT_BYTES + more),
    ),
    seed: fc.nat(),
  }),
);

test("data fragments hold the segment where the layout says, parity is the code over them", () => {
  fc.assert(
    fc.property(segments, ({ code, sizeBytes, seed }) => {
      const bytes = testBytes(sizeBytes, seed);
      const { fragments, segment } = encodeSegment(new SegmentEncoder(code.profile), bytes);
      const { fragmentSizeBytes } = segmentLayout(code.profile, sizeBytes);
      assert.equal(segment.sizeBytes, sizeBytes);
      assert.equal(segment.fragmentSizeBytes, fragmentSizeBytes);
      const joined = new Uint8Array(sizeBytes);
      for (const read of rangeToReads(code.profile, sizeBytes, { offset: 0, length: sizeBytes })) {
        const fragment = fragments[read.column] as Uint8Array;
        const piece = fragment.subarray(read.fragmentOffset, read.fragmentOffset + read.length);
        joined.set(piece, read.segmentOffset);
      }
      assert(Buffer.from(joined).equals(bytes));
      const { dataCount } = code.profile;
      const parity = fragments.slice(dataCount).map(({ length }) => new Uint8Array(length));
      code.encode(fragments.slice(0, dataCount), parity);
      assert(Buffer.concat(parity).equals(Buffer.concat(fragments.slice(dataCount))));
    }),
    { numRuns: 25 },
  );
});

test("ids are those of the fragments as a whole", () => {
  for (const { profile } of CODES) {
    const bytes = testBytes(profile.dataCount * UNIT_BYTES + 1001);
    const { fragments, segment } = encodeSegment(new SegmentEncoder(profile), bytes);
    assert.equal(fragments.length, columnCount(profile));
    const ids = fragments.map((fragment) => merkleRootOfHashes(fragmentLeafHashes(fragment)));
    assert.deepEqual(segment.fragmentIds, ids);
    assert.deepEqual(segment.segmentId, segmentIdOf(ids));
  }
});

test("vector: segment ids of 300,000 bytes, pinned for each profile", () => {
  const bytes = testBytes(300_000);
  const ids = CODES.map(({ profile }) =>
    bytesToHex(encodeSegment(new SegmentEncoder(profile), bytes).segment.segmentId),
  );
  // Found by a second implementation, written from the specification in another language.
  assert.deepEqual(ids, [
    "0x04f539c46da3aa8780dc0867a2ab0c87dc92764134b897c684e9b8f5de1ce76f",
    "0xa8c9ceb738b3436d6383b3728a27ab7977ae4b68f83197835b6fb40b2b6de6db",
    "0xe3ee9598a7797d30523c14c92cdcf55cd5dbbf666f2158dd45dcbbdf22ae8182",
  ]);
});

test("how the bytes arrive makes no difference, and an encoder can be used again", () => {
  const profile = PROFILES.standard;
  const encoder = new SegmentEncoder(profile);
  const bytes = testBytes(2 * 4 * UNIT_BYTES + 77);
  const expected = encodeSegment(new SegmentEncoder(profile), bytes).segment;
  const cuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (unsorted) => {
      let start = 0;
      for (const cut of [...unsorted.sort((a, b) => a - b), bytes.length]) {
        for (const { shards } of encoder.push(bytes.subarray(start, cut))) {
          assert.equal(shards.length, columnCount(profile));
        }
        start = cut;
      }
      assert.deepEqual(encoder.finish().segment, expected);
    }),
    { numRuns: 10 },
  );
});

test("stale bytes of an earlier stripe do not leak into a short tail", () => {
  const profile = PROFILES.standard;
  const encoder = new SegmentEncoder(profile);
  encodeSegment(encoder, testBytes(4 * UNIT_BYTES + 1234));
  const short = encodeSegment(encoder, Uint8Array.of(9, 8, 7, 6, 5));
  assert.deepEqual(
    short.fragments.slice(0, 4).map((fragment) => [...fragment]),
    [
      [9, 8],
      [7, 6],
      [5, 0],
      [0, 0],
    ],
  );
});

test("any k columns give the bytes of any stripes", () => {
  const cases = segments.chain((segment) =>
    fc.record({
      segment: fc.constant(segment),
      columns: fc.shuffledSubarray(
        Array.from({ length: columnCount(segment.code.profile) }, (_, column) => column),
        { minLength: segment.code.profile.dataCount, maxLength: segment.code.profile.dataCount },
      ),
      from: fc.nat(),
      to: fc.nat(),
    }),
  );
  fc.assert(
    fc.property(cases, ({ segment: { code, sizeBytes, seed }, columns, from, to }) => {
      const bytes = testBytes(sizeBytes, seed);
      const { fragments } = encodeSegment(new SegmentEncoder(code.profile), bytes);
      const layout = segmentLayout(code.profile, sizeBytes);
      const [offset = 0, end = 0] = [from % sizeBytes, to % sizeBytes].sort((a, b) => a - b);
      const range = { offset, length: end - offset };
      const stripes = rangeToStripes(code.profile, layout, range);
      const where = stripesToFragmentRange(layout, stripes);
      const shards = new Map(
        columns.map((column) => {
          const fragment = fragments[column] as Uint8Array;
          return [column, fragment.subarray(where.offset, where.offset + where.length)] as const;
        }),
      );
      const decoded = decodeStripes(code, { sizeBytes, stripes }, shards);
      const start = stripes.first * code.profile.dataCount * UNIT_BYTES;
      assert(decoded.length >= range.length);
      assert(Buffer.from(decoded).equals(bytes.subarray(start, start + decoded.length)));
    }),
    { numRuns: 40 },
  );
});

test("refuses an empty segment, one over the limit, and shards of another length", () => {
  const profile = PROFILES.standard;
  const encoder = new SegmentEncoder(profile);
  const refuses = (code: string, act: () => unknown) =>
    assert.throws(act, (cause) => hasCode(cause, code));
  refuses("SEGMENT_SIZE_INVALID", () => encoder.finish());
  assert.equal(encoder.freeBytes, SEGMENT_BYTES_MAX);
  refuses("SEGMENT_SIZE_INVALID", () => [...encoder.push(new Uint8Array(SEGMENT_BYTES_MAX + 1))]);
  const [code] = CODES;
  assert(code !== undefined);
  const shards = new Map([0, 1, 2, 3].map((column) => [column, new Uint8Array(3)]));
  const stripes = { first: 0, count: 1 };
  refuses("SHARD_SIZE_INVALID", () => decodeStripes(code, { sizeBytes: 16, stripes }, shards));
  refuses("SHARDS_TOO_FEW", () => decodeStripes(code, { sizeBytes: 16, stripes }, new Map()));
});
