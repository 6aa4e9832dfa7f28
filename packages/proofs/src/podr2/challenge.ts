/**
 * What a challenge asks, drawn from its 32-byte seed. Every party expands the seed for itself.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { bytesToBigint, concatBytes, utf8ToBytes } from "@cess/std/bytes";
import { type BlockName, blockKey } from "./block-name.ts";
import { modOrder, WIDE_SCALAR_BYTES } from "./field.ts";

export const SEED_BYTES: number = 32;
/** Samples of one challenge: keeps merged coefficients below 2^145. */
export const SAMPLES_MAX: number = 65_536;
/** Blocks that a miner may hold: positions are drawn with a bias below 2^-80. */
export const TOTAL_BLOCKS_MAX: number = 2 ** 48;
const DRAW_BYTES = 16;

/** One proof answers the challenge of one tag key. */
export interface Challenge {
  readonly seed: Uint8Array;
  /** In the order of their draw; a block may come more than once. At least one. */
  readonly samples: readonly BlockName[];
}

/** The numbers of a challenge: coefficient i belongs to sample i. */
export interface ChallengeScalars {
  /** ν, 128 bits each. */
  readonly coefficients: readonly bigint[];
  /** z, where the combined polynomial is opened. */
  readonly point: bigint;
}

export function challengeScalars(seed: Uint8Array, count: number): ChallengeScalars {
  assert(count <= SAMPLES_MAX);
  return {
    coefficients: draws("cess/podr2/coefficients/v1", seed, count),
    point: modOrder(bytesToBigint(expand("cess/podr2/point/v1", seed, WIDE_SCALAR_BYTES))),
  };
}

/** A block that a challenge asks for, with the sum of the coefficients of its samples. */
export interface ChallengeTerm {
  readonly block: BlockName;
  readonly coefficient: bigint;
}

/** Merges the samples of equal blocks, so that whoever holds few blocks has little work. */
export function challengeTerms(challenge: Challenge): {
  readonly terms: readonly ChallengeTerm[];
  readonly point: bigint;
} {
  const { coefficients, point } = challengeScalars(challenge.seed, challenge.samples.length);
  const terms = new Map<string, ChallengeTerm>();
  challenge.samples.forEach((block, index) => {
    const key = blockKey(block);
    const coefficient = (terms.get(key)?.coefficient ?? 0n) + (coefficients[index] as bigint);
    terms.set(key, { block, coefficient });
  });
  return { terms: [...terms.values()], point };
}

/**
 * Draws `count` positions, uniform and independent, in [0, totalBlocks).
 *
 * @param totalBlocks - From 1 to 2^48.
 */
export function samplePositions(
  seed: Uint8Array,
  options: { readonly totalBlocks: number; readonly count: number },
): readonly number[] {
  const { totalBlocks, count } = options;
  assert(Number.isInteger(totalBlocks) && totalBlocks > 0 && totalBlocks <= TOTAL_BLOCKS_MAX);
  assert(count <= SAMPLES_MAX);
  const bound = BigInt(totalBlocks);
  return draws("cess/podr2/positions/v1", seed, count).map((draw) => Number(draw % bound));
}

/** The seed for those samples of a miner's challenge that were tagged under one key. */
export function keySeed(seed: Uint8Array, tagKeyHash: Uint8Array): Uint8Array {
  assert(seed.length === SEED_BYTES && tagKeyHash.length === 32);
  const domain = utf8ToBytes("cess/podr2/key-seed/v1");
  return new Uint8Array(
    createHash("sha256")
      .update(concatBytes(domain, seed, tagKeyHash))
      .digest(),
  );
}

/** `count` integers of 128 bits from SHAKE256 over the domain and the seed. */
export function draws(domain: string, seed: Uint8Array, count: number): readonly bigint[] {
  const stream = expand(domain, seed, count * DRAW_BYTES);
  return Array.from({ length: count }, (_, index) => {
    return bytesToBigint(stream.subarray(index * DRAW_BYTES, (index + 1) * DRAW_BYTES));
  });
}

function expand(domain: string, seed: Uint8Array, sizeBytes: number): Uint8Array {
  assert.equal(seed.length, SEED_BYTES);
  const hash = createHash("shake256", { outputLength: sizeBytes });
  return new Uint8Array(hash.update(domain).update(seed).digest());
}
