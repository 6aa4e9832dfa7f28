import { bench } from "@cess/std/bench";
import { auditPath, hashLeaf, merkleRootOfHashes, rootFromAuditPath } from "./merkle.ts";

await bench("merkle/hash-leaves", { leaves: [4, 256], leafBytes: [65_536, 65_536] }, (input) => {
  const { leaves, leafBytes } = input.sizes;
  const data = Array.from({ length: leaves }, (_, index) => new Uint8Array(leafBytes).fill(index));
  return {
    bytes: leaves * leafBytes,
    body: () => data.map(hashLeaf).at(-1) as Uint8Array,
  };
});

await bench("merkle/root", { leaves: [16, 65_536] }, ({ sizes: { leaves }, seed }) => {
  const leafHashes = createHashes(leaves, seed);
  return { operations: leaves, body: () => merkleRootOfHashes(leafHashes) };
});

await bench("merkle/check-path", { leaves: [16, 1024] }, ({ sizes: { leaves }, seed }) => {
  const leafHashes = createHashes(leaves, seed);
  const proofs = leafHashes.map((leaf, index) => ({ leaf, path: auditPath(leafHashes, index) }));
  return {
    operations: leaves,
    body() {
      let root: Uint8Array | undefined;
      for (const [index, { leaf, path }] of proofs.entries()) {
        root = rootFromAuditPath(leaf, { index, leafCount: leaves }, path);
      }
      return root as Uint8Array;
    },
  };
});

function createHashes(count: number, seed: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    hashLeaf(Uint8Array.of(seed, index, index >> 8)),
  );
}
