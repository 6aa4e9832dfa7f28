import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesToHex, concatBytes, hexToBytes } from "@cess/std/bytes";
import fc from "fast-check";
import {
  auditPath,
  hashLeaf,
  hashNode,
  merkleRoot,
  merkleRootOfHashes,
  rootFromAuditPath,
  verifyAuditPath,
} from "./merkle.ts";
import { rangeProof, verifyRange } from "./merkle-range.ts";

/**
 * The eight leaves and their roots that the implementations of Certificate Transparency share
 * (certificate-transparency, merkle_tree_test; RFC 6962).
 */
const LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => hexToBytes(hex));
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const PATHS = [
  { index: 0, leafCount: 1, path: [] },
  {
    index: 0,
    leafCount: 8,
    path: [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  },
  {
    index: 5,
    leafCount: 8,
    path: [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  },
  {
    index: 2,
    leafCount: 3,
    path: ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  },
  {
    index: 1,
    leafCount: 5,
    path: [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  },
];

/** Leaf hashes that are all different. */
function hashes(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => hashLeaf(Uint8Array.of(index, index >> 8)));
}

describe("RFC 6962 vectors", () => {
  test("roots of the first 0 to 8 leaves", () => {
    for (const [count, root] of ROOTS.entries()) {
      assert.equal(bytesToHex(merkleRoot(LEAVES.slice(0, count))), `0x${root}`);
    }
  });

  test("audit paths", () => {
    for (const { index, leafCount, path } of PATHS) {
      const leafHashes = LEAVES.slice(0, leafCount).map(hashLeaf);
      const made = auditPath(leafHashes, index);
      assert.deepEqual(
        made.map(bytesToHex),
        path.map((hex) => `0x${hex}`),
      );
      const root = hexToBytes(ROOTS[leafCount] as string);
      const position = { index, leafCount };
      assert(verifyAuditPath(root, leafHashes[index] as Uint8Array, { position, path: made }));
    }
  });
});

describe("audit paths", () => {
  test("hold for every leaf of every tree up to 70, and for no other leaf", () => {
    for (let leafCount = 1; leafCount <= 70; leafCount += 1) {
      const leafHashes = hashes(leafCount);
      const root = merkleRootOfHashes(leafHashes);
      for (const [index, leafHash] of leafHashes.entries()) {
        const position = { index, leafCount };
        const path = auditPath(leafHashes, index);
        assert(verifyAuditPath(root, leafHash, { position, path }));
        const other = leafHashes[(index + 1) % leafCount] as Uint8Array;
        assert.equal(verifyAuditPath(root, other, { position, path }), leafCount === 1);
      }
    }
  });

  test("attack: a proof moved to another index of the same count is refused", () => {
    const leafHashes = hashes(13);
    const root = merkleRootOfHashes(leafHashes);
    for (const [index, leafHash] of leafHashes.entries()) {
      const path = auditPath(leafHashes, index);
      for (let claimed = -1; claimed <= 13; claimed += 1) {
        const position = { index: claimed, leafCount: 13 };
        assert.equal(verifyAuditPath(root, leafHash, { position, path }), claimed === index);
      }
    }
  });

  test("attack: an index beyond the only leaf is refused, though its path is empty too", () => {
    const [leafHash] = hashes(1) as [Uint8Array];
    const accepts = (index: number) =>
      verifyAuditPath(leafHash, leafHash, { position: { index, leafCount: 1 }, path: [] });
    assert.deepEqual([0, 1, 2, -1, 0.5].map(accepts), [true, false, false, false, false]);
  });

  test("attack: an inner node given as a leaf hash with a shortened path is refused", () => {
    const leafHashes = hashes(8);
    const root = merkleRootOfHashes(leafHashes);
    const node = hashNode(leafHashes[0] as Uint8Array, leafHashes[1] as Uint8Array);
    const path = auditPath(leafHashes, 0).slice(1);
    const position = { index: 0, leafCount: 8 };
    assert.equal(verifyAuditPath(root, node, { position, path }), false);
    // The control: in a tree that does have four leaves, the same path holds.
    assert(verifyAuditPath(root, node, { position: { index: 0, leafCount: 4 }, path }));
  });

  test("attack: the bytes of a node offered as a leaf hash to something else than the node", () => {
    const [left, right] = hashes(2) as [Uint8Array, Uint8Array];
    const root = merkleRootOfHashes([left, right]);
    const posedAsLeaf = hashLeaf(concatBytes(left, right));
    const position = { index: 0, leafCount: 1 };
    assert.equal(verifyAuditPath(root, posedAsLeaf, { position, path: [] }), false);
  });

  test("attack: trailing, missing and misshapen hashes are refused", () => {
    for (const leafCount of [1, 2, 5, 8]) {
      const leafHashes = hashes(leafCount);
      const position = { index: leafCount - 1, leafCount };
      const leafHash = leafHashes[position.index] as Uint8Array;
      const path = auditPath(leafHashes, position.index);
      const refused = (each: Uint8Array[]) =>
        assert.equal(rootFromAuditPath(leafHash, position, each), undefined);
      refused([...path, leafHash]);
      if (path.length > 0) {
        refused(path.slice(0, -1));
        refused([...path.slice(0, -1), new Uint8Array(31)]);
      }
    }
    const huge = { index: 0, leafCount: 2 ** 40 };
    assert.equal(rootFromAuditPath(new Uint8Array(32), huge, []), undefined);
  });
});

describe("range proofs", () => {
  test("hold for every range of every tree up to 20 leaves, with few hashes", () => {
    for (let leafCount = 1; leafCount <= 20; leafCount += 1) {
      const leafHashes = hashes(leafCount);
      const root = merkleRootOfHashes(leafHashes);
      for (let first = 0; first < leafCount; first += 1) {
        for (let count = 1; first + count <= leafCount; count += 1) {
          const proof = rangeProof(leafHashes, { first, count });
          const run = leafHashes.slice(first, first + count);
          assert(proof.length <= 2 * Math.ceil(Math.log2(leafCount)));
          assert(
            verifyRange(root, { first, count, leafCount }, { leafHashes: run, proof }),
            `${first}+${count} of ${leafCount}`,
          );
        }
      }
    }
  });

  test("attack: moved ranges, changed leaves, dropped and trailing hashes are refused", () => {
    const tree = fc
      .integer({ min: 2, max: 200 })
      .chain((leafCount) =>
        fc.record({ leafCount: fc.constant(leafCount), first: fc.nat(leafCount - 1) }),
      )
      .chain(({ leafCount, first }) =>
        fc.record({
          leafCount: fc.constant(leafCount),
          first: fc.constant(first),
          count: fc.integer({ min: 1, max: leafCount - first }),
          victim: fc.nat(),
        }),
      );
    fc.assert(
      fc.property(tree, ({ leafCount, first, count, victim }) => {
        const all = hashes(leafCount);
        const root = merkleRootOfHashes(all);
        const proof = rangeProof(all, { first, count });
        const leafHashes = all.slice(first, first + count);
        const range = { first, count, leafCount };
        assert(verifyRange(root, range, { leafHashes, proof }));
        const refused = (
          other: typeof range,
          parts: { leafHashes: Uint8Array[]; proof: Uint8Array[] },
        ) => assert.equal(verifyRange(root, other, parts), false);
        refused({ ...range, first: first + 1 }, { leafHashes, proof });
        refused({ ...range, first: first - 1 }, { leafHashes, proof });
        refused(range, { leafHashes, proof: [...proof, root] });
        refused(range, { leafHashes: leafHashes.slice(1), proof });
        if (proof.length > 0) refused(range, { leafHashes, proof: proof.slice(1) });
        const changed = leafHashes.with(victim % count, root);
        refused(range, { leafHashes: changed, proof });
      }),
      { numRuns: 60 },
    );
  });

  test("attack: an empty range proves nothing", () => {
    const all = hashes(4);
    const root = merkleRootOfHashes(all);
    const range = { first: 2, count: 0, leafCount: 4 };
    assert.equal(verifyRange(root, range, { leafHashes: [], proof: [root] }), false);
    assert.equal(verifyRange(root, range, { leafHashes: [], proof: all }), false);
    const halves = [merkleRootOfHashes(all.slice(0, 2)), merkleRootOfHashes(all.slice(2))];
    assert.equal(verifyRange(root, range, { leafHashes: [], proof: halves }), false);
    const atStart = { ...range, first: 0 };
    assert.equal(verifyRange(root, atStart, { leafHashes: [], proof: [root] }), false);
  });
});
