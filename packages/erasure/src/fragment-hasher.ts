import { createLeafHasher, type LeafHasher, merkleRootOfHashes } from "@cess/crypto/merkle";
import { LEAF_BYTES } from "@cess/params/profile";

/** What is known of a fragment once all of it has passed. */
export interface HashedFragment {
  readonly fragmentId: Uint8Array;
  readonly sizeBytes: number;
  /** In order; what range proofs are made of. */
  readonly leafHashes: readonly Uint8Array[];
}

/** Finds the id of a fragment that arrives in pieces of any size, without keeping its bytes. */
export class FragmentHasher {
  readonly #leafHashes: Uint8Array[] = [];
  #leaf: LeafHasher = createLeafHasher();
  #leafBytes = 0;

  get sizeBytes(): number {
    return this.#leafHashes.length * LEAF_BYTES + this.#leafBytes;
  }

  push(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length; ) {
      const piece = bytes.subarray(taken, taken + LEAF_BYTES - this.#leafBytes);
      this.#leaf.update(piece);
      this.#leafBytes += piece.length;
      taken += piece.length;
      if (this.#leafBytes === LEAF_BYTES) this.#endLeaf();
    }
  }

  /** To be called once, after the last piece. */
  finish(): HashedFragment {
    const { sizeBytes } = this;
    if (this.#leafBytes > 0) this.#endLeaf();
    const leafHashes = this.#leafHashes;
    return { fragmentId: merkleRootOfHashes(leafHashes), sizeBytes, leafHashes };
  }

  #endLeaf(): void {
    this.#leafHashes.push(this.#leaf.digest());
    this.#leaf = createLeafHasher();
    this.#leafBytes = 0;
  }
}

/** The same for a fragment that is in memory as a whole. */
export function hashFragment(fragment: Uint8Array): HashedFragment {
  const hasher = new FragmentHasher();
  hasher.push(fragment);
  return hasher.finish();
}
