import { keySeed } from "@cess/proofs/podr2/challenge";
import type { Podr2 } from "@cess/proofs/podr2/podr2";
import type { Hex } from "@cess/std/bytes";
import { hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { createCheckCache } from "./checks.ts";

/** A block that a challenge asks for. */
export interface Sample {
  readonly fid: Hex;
  readonly segment: number;
  readonly column: number;
  readonly blockIndex: number;
  /** Worker that tagged it. */
  readonly tee: Hex;
}

/** One proof of a challenge: that of the samples that one worker tagged. */
export interface ProofClaim {
  /** v ‖ w, 192 bytes. */
  readonly tagKey: Uint8Array;
  readonly tagKeyHash: Uint8Array;
  /** Seed of the whole challenge. */
  readonly seed: Uint8Array;
  readonly samples: readonly Sample[];
  readonly proof: Uint8Array;
}

/** What modules need of the proofs of retrievability. */
export interface ProofVerifier {
  isTagKey(tagKey: Uint8Array): boolean;
  check(claim: ProofClaim): boolean | Promise<boolean>;
}

const ANSWERS_MAX = 1024;

/** The real one. Answers are remembered: one process sees the same proof several times a block. */
export function createProofVerifier(podr2: Podr2): ProofVerifier {
  const cache = createCheckCache(ANSWERS_MAX);
  return {
    isTagKey(tagKey) {
      try {
        podr2.decodeVerifierKey(tagKey);
        return true;
      } catch (cause) {
        if (hasCode(cause, "TAG_KEY_MALFORMED")) return false;
        throw cause;
      }
    },
    check(claim) {
      const { tagKey, tagKeyHash, seed, proof } = claim;
      const samples = claim.samples.map((sample) => ({
        fid: hexToBytes(sample.fid, 32),
        segmentIndex: sample.segment,
        column: sample.column,
        blockIndex: sample.blockIndex,
      }));
      const names = Buffer.from(claim.samples.map(nameOf).join());
      return cache.answer([tagKey, tagKeyHash, seed, proof, names], () => {
        const key = podr2.decodeVerifierKey(tagKey);
        return podr2.check({ key, challenge: { seed: keySeed(seed, tagKeyHash), samples }, proof });
      });
    },
  };
}

function nameOf({ fid, segment, column, blockIndex }: Sample): string {
  return `${fid}/${segment}/${column}/${blockIndex}`;
}
