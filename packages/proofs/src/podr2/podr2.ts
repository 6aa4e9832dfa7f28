/**
 * Proofs of retrievability of constant size, that anyone checks: polynomial commitments (Xu and
 * Chang, ASIACCS 2012; Yuan and Yu, ASIACCS 2013) over BLS12-381, groups written additively.
 *
 * - A block is s = 4096 sectors m_j of 31 bytes, big-endian: f(X) = Σ m_j X^j modulo r.
 * - Key: secret (x, α); public v = x·g₂, w = xα·g₂, u_j = α^j·g₁ for j < s.
 * - Tag of block i: σ_i = x·(H(name_i) + f_i(α)·g₁).
 * - Challenge: coefficients ν_i of 128 bits, and a point z modulo r.
 * - Proof: with μ = Σ ν_i f_i, y = μ(z) and q = (μ − y) / (X − z), it is
 *   σ = Σ ν_i·σ_i ‖ ψ = Σ q_j·u_j ‖ y.
 * - Check: e(σ, g₂) = e(Σ ν_i·H(name_i) + y·g₁ − z·ψ, v) · e(ψ, w).
 *
 * Domains: `cess/podr2/block/v1` before a block's name in H; `cess/podr2/key/v1` (SHA-256) in a key's
 * hash; `cess/podr2/coefficients/v1`, `…/point/v1`, `…/positions/v1` (SHAKE256) before a challenge's
 * seed; `cess/podr2/key-seed/v1` (SHA-256) before seed and key hash; `cess/podr2/claims/v1`,
 * `…/batch/v1` and `…/key-check/v1` for the weights by which many equations are checked as one.
 *
 * Arithmetic with the secret key takes a time that depends on it: keep workers apart from whoever
 * could measure single operations.
 * @module
 */
import { BLOCK_SECTORS } from "@cess/params/podr2";
import type { Random } from "@cess/runtime/random";
import { initGroups } from "./groups.ts";
import { createProver, type Prover } from "./prover.ts";
import {
  createTagSecretKey,
  decodeTagPublicKey,
  decodeTagVerifierKey,
  encodeTagPublicKey,
  encodeTagVerifierKey,
  isTagKeyConsistent,
  type TagPublicKey,
  type TagSecretKey,
  type TagVerifierKey,
  tagKeyHash,
  tagSecretToPublicKey,
} from "./tag-key.ts";
import { createTagger, type Tagger } from "./tagger.ts";
import { checkProof, checkProofs, type ProofClaim } from "./verifier.ts";

/** The scheme at the network's size of blocks. */
export interface Podr2 {
  createSecretKey(random: Random): TagSecretKey;
  /** Takes half a second. */
  toPublicKey(secret: TagSecretKey): TagPublicKey;
  keyHash(key: TagPublicKey): Uint8Array;
  /** Whether provers can rely on the key; takes two seconds. */
  isKeyConsistent(key: TagPublicKey): boolean;
  encodePublicKey(key: TagPublicKey): Uint8Array;
  decodePublicKey(encoded: Uint8Array): TagPublicKey;
  encodeVerifierKey(key: TagVerifierKey): Uint8Array;
  decodeVerifierKey(encoded: Uint8Array): TagVerifierKey;
  createTagger(secret: TagSecretKey): Tagger;
  createProver(key: TagPublicKey): Prover;
  check(claim: ProofClaim): boolean;
  checkMany(claims: readonly ProofClaim[]): readonly boolean[];
}

/** Starts the curve arithmetic of this thread, once, which takes 0.1 s. */
export function initPodr2(): Promise<Podr2> {
  return initPodr2WithSectors(BLOCK_SECTORS);
}

/** The same with small blocks. For tests: all parties must use the same number. */
export async function initPodr2WithSectors(sectorCount: number): Promise<Podr2> {
  const groups = await initGroups();
  return {
    createSecretKey: createTagSecretKey,
    toPublicKey: (secret) => tagSecretToPublicKey(groups, secret, sectorCount),
    keyHash: (key) => tagKeyHash(groups, key),
    isKeyConsistent: (key) => isTagKeyConsistent(groups, key),
    encodePublicKey: (key) => encodeTagPublicKey(groups, key),
    decodePublicKey: (encoded) => decodeTagPublicKey(groups, encoded, sectorCount),
    encodeVerifierKey: (key) => encodeTagVerifierKey(groups, key),
    decodeVerifierKey: (encoded) => decodeTagVerifierKey(groups, encoded),
    createTagger: (secret) => createTagger(groups, secret, sectorCount),
    createProver: (key) => createProver(groups, key),
    check: (claim) => checkProof(groups, claim),
    checkMany: (claims) => checkProofs(groups, claims),
  };
}
