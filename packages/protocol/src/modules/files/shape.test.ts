import assert from "node:assert/strict";
import { test } from "node:test";
import { columnBlockCount } from "@cess/erasure/layout";
import { PROFILES } from "@cess/params/profile";
import { MIB } from "@cess/std/units";
import fc from "fast-check";
import { refused } from "../../testing/refused.ts";
import { blockAt, columnExtent, fragmentExtent, requireShape, shapeOf } from "./shape.ts";

test("positions of a column walk through its segments, whatever is missing", () => {
  const scene = fc.record({
    sizeBytes: fc.integer({ min: 1, max: 12 * 32 * MIB }),
    profile: fc.constantFrom(...Object.values(PROFILES)),
    gone: fc.uniqueArray(fc.nat(11)),
  });
  fc.assert(
    fc.property(scene, ({ sizeBytes, profile, gone }) => {
      const shape = shapeOf(sizeBytes, profile.id);
      const without = gone.filter((segment) => segment < shape.segmentCount).sort((a, b) => a - b);
      const expected = Array.from({ length: shape.segmentCount }, (_, segment) => segment)
        .filter((segment) => !without.includes(segment))
        .flatMap((segment) => {
          const { blockCount } = fragmentExtent(shape, segment);
          return Array.from({ length: blockCount }, (_, blockIndex) => ({ segment, blockIndex }));
        });
      const { blockCount } = columnExtent(shape, without);
      assert.equal(blockCount, expected.length);
      const found = expected.map((_, position) => blockAt(shape, without, position));
      assert.deepEqual(found, expected);
      assert.equal(columnExtent(shape, []).blockCount, columnBlockCount(profile, sizeBytes));
    }),
    { numRuns: 60 },
  );
});

test("attack: sizes that no file has", () => {
  for (const size of [0n, 1000n * 2n ** 25n + 1n, 2n ** 64n - 1n]) {
    assert.throws(() => requireShape(size, 0), refused("ARGUMENT_INVALID"));
  }
  assert.equal(requireShape(1000n * 2n ** 25n, 0).segmentCount, 1000);
});
