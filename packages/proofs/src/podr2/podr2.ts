/**
 * Proofs of retrievability of constant size, that anyone checks: polynomial commitments (Xu and
 * Chang, ASIACCS 2012; Yuan and Yu, ASIACCS 2013) over BLS12-381.
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
