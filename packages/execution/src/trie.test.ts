import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToHex } from "@cess/std/bytes";
import { MerklePatriciaTrie, verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import fc from "fast-check";
import { proveInTrie, readTrie, type TrieUpdate, updateTrie } from "./trie.ts";
import { decodeNode, EMPTY_ROOT, type TrieNode } from "./trie-node.ts";

function memoryNodes() {
  const encoded = new Map<string, Uint8Array>();
  return {
    encoded,
    put: (hash: Uint8Array, bytes: Uint8Array) => void encoded.set(bytesToHex(hash), bytes),
    node(hash: Uint8Array): TrieNode {
      return decodeNode(encoded.get(bytesToHex(hash)) as Uint8Array);
    },
  };
}

const keyOf = (seed: number) => keccak256(Uint8Array.of(seed));
/** Few keys, so that batches meet what earlier ones wrote. */
const updateArbitrary = fc.record({
  seed: fc.integer({ min: 0, max: 60 }),
  value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 80 }), { nil: undefined }),
});

test("property: batches give the root, values and proofs of another implementation", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(updateArbitrary, { maxLength: 30 }), { maxLength: 6 }),
      async (batches) => {
        const nodes = memoryNodes();
        const reference = new MerklePatriciaTrie();
        let root = EMPTY_ROOT;
        for (const batch of batches) {
          const updates = new Map<number, TrieUpdate>();
          for (const { seed, value } of batch) updates.set(seed, { key: keyOf(seed), value });
          root = updateTrie(nodes, nodes, { root, updates: [...updates.values()] });
          for (const { key, value } of updates.values()) {
            if (value === undefined) await reference.del(key);
            else await reference.put(key, value);
          }
          assert.equal(bytesToHex(root), bytesToHex(reference.root()));
        }
        if (bytesToHex(root) === bytesToHex(EMPTY_ROOT)) return;
        for (let seed = 0; seed <= 60; seed += 1) {
          const expected = (await reference.get(keyOf(seed))) ?? undefined;
          assert.deepEqual(readTrie(nodes, root, keyOf(seed)), expected);
          const proof = [...proveInTrie(nodes, root, keyOf(seed))];
          const proven = await verifyMerkleProof(keyOf(seed), proof, {});
          assert.deepEqual(proven ?? undefined, expected);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("keys of several lengths, as transactions are numbered", async () => {
  const nodes = memoryNodes();
  const reference = new MerklePatriciaTrie();
  const updates: TrieUpdate[] = [];
  for (let index = 0; index < 300; index += 1) {
    const update = { key: RLP.encode(index), value: Uint8Array.of(index % 256, 1, 2) };
    updates.push(update);
    await reference.put(update.key, update.value);
  }
  const root = updateTrie(nodes, nodes, { root: EMPTY_ROOT, updates });
  assert.equal(bytesToHex(root), bytesToHex(reference.root()));
});
