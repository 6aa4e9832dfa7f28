import { verifyMerkleProof } from "@ethereumjs/mpt";

/**
 * The value that a Merkle proof shows, by an implementation other than the one under test.
 *
 * @param key - As the trie has it: hashed.
 * @throws if the nodes do not hang together.
 */
export async function provenValue(
  key: Uint8Array,
  nodes: readonly Uint8Array[],
): Promise<Uint8Array | undefined> {
  return (await verifyMerkleProof(key, [...nodes], { useKeyHashing: false })) ?? undefined;
}
