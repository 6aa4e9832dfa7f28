import { createSectorDotProduct, SECTOR_BYTES } from "@cess/kernels/scalar-field";
import { ProofError } from "../error.ts";
import { blockMessage, type FragmentName } from "./block-name.ts";
import { TAG_BYTES } from "./codec.ts";
import { GROUP_ORDER, powersOf } from "./field.ts";
import { createFixedBase } from "./fixed-base.ts";
import type { Groups } from "./groups.ts";
import type { TagSecretKey } from "./tag-key.ts";

/** Makes the tags of blocks: σ_i = x · (H(name_i) + f_i(α) · g₁). */
export interface Tagger {
  /**
   * The tags of a fragment's blocks in order, 48 bytes each. Tag only bytes that were hashed against
   * the fragment's declared root: a tag is the worker's word that they belong there.
   *
   * @throws {@link ProofError} `FRAGMENT_EMPTY`
   */
  tag(fragment: FragmentName, bytes: Uint8Array): Uint8Array;
}

export function createTagger(groups: Groups, secret: TagSecretKey, sectorCount: number): Tagger {
  const blockBytes = sectorCount * SECTOR_BYTES;
  const polynomialAtAlpha = createSectorDotProduct(
    powersOf(secret.alpha, sectorCount),
    GROUP_ORDER,
  );
  const generator = createFixedBase(groups, groups.g1);

  function tagBlock(fragment: FragmentName, blockIndex: number, block: Uint8Array): Uint8Array {
    const hash = groups.hashToG1(blockMessage({ ...fragment, blockIndex }));
    const content = generator.multiply(polynomialAtAlpha.sum(block));
    return groups.encode(groups.multiply(groups.add(hash, content), secret.x));
  }

  return {
    tag(fragment, bytes) {
      if (bytes.length === 0) throw new ProofError({ code: "FRAGMENT_EMPTY" });
      const blockCount = Math.ceil(bytes.length / blockBytes);
      const tags = new Uint8Array(blockCount * TAG_BYTES);
      for (let index = 0; index < blockCount; index += 1) {
        const block = bytes.subarray(index * blockBytes, (index + 1) * blockBytes);
        tags.set(tagBlock(fragment, index, block), index * TAG_BYTES);
      }
      return tags;
    },
  };
}
