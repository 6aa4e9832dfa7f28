import assert from "node:assert/strict";
import { test } from "node:test";
import { merkleRoot } from "@cess/crypto/merkle";
import { LEAF_BYTES } from "@cess/params/profile";
import fc from "fast-check";
import { FragmentHasher, hashFragment } from "./fragment-hasher.ts";
import { fragmentLeafHashes } from "./ids.ts";

test("the id is the root over 64 KiB leaves, however the bytes arrive", () => {
  const boundary = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 2 }))
    .map(([leaves, more]) => Math.max(0, leaves * LEAF_BYTES + more));
  const pieces = fc.array(fc.oneof(boundary, fc.nat(LEAF_BYTES)), { maxLength: 5 });
  fc.assert(
    fc.property(pieces, (sizes) => {
      const hasher = new FragmentHasher();
      const parts = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
      for (const part of parts) hasher.push(part);
      const whole = Buffer.concat(parts);
      assert.equal(hasher.sizeBytes, whole.length);
      const found = hasher.finish();
      const leaves = Array.from({ length: Math.ceil(whole.length / LEAF_BYTES) }, (_, index) =>
        whole.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES),
      );
      assert.deepEqual(found.fragmentId, merkleRoot(leaves));
      assert.deepEqual(found.leafHashes, fragmentLeafHashes(whole));
      assert.deepEqual(found, hashFragment(whole));
      assert.equal(found.sizeBytes, whole.length);
    }),
    { numRuns: 40 },
  );
});
