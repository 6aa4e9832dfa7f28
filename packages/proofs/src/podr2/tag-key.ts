/**
 * The key of a TEE worker: what it tags with, what provers combine with, and what anyone checks by.
 * @module
 */
import { createHash } from "node:crypto";
import { BLOCK_SECTORS } from "@cess/params/podr2";
import type { Random } from "@cess/runtime/random";
import { bytesToBigint, concatBytes } from "@cess/std/bytes";
import { ProofError } from "../error.ts";
import { draws } from "./challenge.ts";
import {
  decodeScalar,
  encodeScalar,
  modOrder,
  powersOf,
  SCALAR_BYTES,
  WIDE_SCALAR_BYTES,
} from "./field.ts";
import { createFixedBase } from "./fixed-base.ts";
import { type G1, G1_BYTES, type G2, G2_BYTES, type Groups } from "./groups.ts";

/** Known to the worker alone; neither is zero. */
export interface TagSecretKey {
  readonly x: bigint;
  readonly alpha: bigint;
}

/** All that a check needs: v = x · g₂ and w = xα · g₂. */
export interface TagVerifierKey {
  readonly v: G2;
  readonly w: G2;
}

/** What provers need: u_j = α^j · g₁, one for each sector of a block; u_0 = g₁. */
export interface TagPublicKey extends TagVerifierKey {
  readonly u: readonly G1[];
}

export const TAG_SECRET_KEY_BYTES: number = 2 * SCALAR_BYTES;
export const TAG_VERIFIER_KEY_BYTES: number = 2 * G2_BYTES;
/** Of the network's keys, u_0 left out. */
export const TAG_PUBLIC_KEY_BYTES: number = TAG_VERIFIER_KEY_BYTES + (BLOCK_SECTORS - 1) * G1_BYTES;

export function createTagSecretKey(random: Random): TagSecretKey {
  return { x: randomScalar(random), alpha: randomScalar(random) };
}

/** Takes half a second for 4096 sectors. */
export function tagSecretToPublicKey(
  groups: Groups,
  secret: TagSecretKey,
  sectorCount: number,
): TagPublicKey {
  const v = groups.multiplyG2(groups.g2, secret.x);
  const base = createFixedBase(groups, groups.g1);
  const u = powersOf(secret.alpha, sectorCount).map((power) => base.multiply(power));
  groups.normalizeInto(u);
  return { v, w: groups.multiplyG2(v, secret.alpha), u };
}

/** What the chain keeps of a key: SHA-256("cess/podr2/key/v1" ‖ v ‖ w ‖ u_0 ‖ u_1 ‖ …). */
export function tagKeyHash(groups: Groups, key: TagPublicKey): Uint8Array {
  const hash = createHash("sha256").update("cess/podr2/key/v1");
  hash.update(encodeTagVerifierKey(groups, key));
  for (const point of key.u) hash.update(groups.encode(point));
  return new Uint8Array(hash.digest());
}

/**
 * Whether every u_{j+1} is α · u_j for the α of v and w: e(Σ ρ_j u_{j+1}, v) = e(Σ ρ_j u_j, w). The
 * ρ, 128 bits, come from the key's hash, so that all who check agree. With a key that fails here,
 * honest provers fail their challenges.
 */
export function isTagKeyConsistent(groups: Groups, key: TagPublicKey): boolean {
  const { v, w, u } = key;
  const isDegenerate = v.isZero() || w.isZero() || u.some((point) => !point.isValidOrder());
  if (isDegenerate || !(u[0] as G1).isEqual(groups.g1)) return false;
  const rho = draws("cess/podr2/key-check/v1", tagKeyHash(groups, key), u.length - 1);
  const upper = groups.combine(u.slice(1), rho);
  const lower = groups.combine(u.slice(0, -1), rho);
  return groups.isPairingProductOne([
    [upper, v],
    [lower, groups.negateG2(w)],
  ]);
}

/** x ‖ α, 64 bytes. Secret. */
export function encodeTagSecretKey(secret: TagSecretKey): Uint8Array {
  return concatBytes(encodeScalar(secret.x), encodeScalar(secret.alpha));
}

/** @throws {@link ProofError} `TAG_KEY_MALFORMED` if a scalar is zero or not canonical. */
export function decodeTagSecretKey(encoded: Uint8Array): TagSecretKey {
  requireSize(encoded, TAG_SECRET_KEY_BYTES);
  return asTagKey(() => {
    const x = decodeScalar(encoded.subarray(0, SCALAR_BYTES));
    const alpha = decodeScalar(encoded.subarray(SCALAR_BYTES));
    if (x === 0n || alpha === 0n) throw new ProofError({ code: "SCALAR_MALFORMED" });
    return { x, alpha };
  });
}

/** v ‖ w, 192 bytes. */
export function encodeTagVerifierKey(groups: Groups, key: TagVerifierKey): Uint8Array {
  return concatBytes(groups.encode(key.v), groups.encode(key.w));
}

/** @throws {@link ProofError} `TAG_KEY_MALFORMED` unless both are points of G₂ beside zero. */
export function decodeTagVerifierKey(groups: Groups, encoded: Uint8Array): TagVerifierKey {
  requireSize(encoded, TAG_VERIFIER_KEY_BYTES);
  return asTagKey(() => {
    const v = groups.decodeG2(encoded.subarray(0, G2_BYTES));
    const w = groups.decodeG2(encoded.subarray(G2_BYTES));
    if (v.isZero() || w.isZero()) throw new ProofError({ code: "POINT_MALFORMED", group: "G2" });
    return { v, w };
  });
}

/** v ‖ w ‖ u_1 ‖ u_2 ‖ …; u_0 is known. */
export function encodeTagPublicKey(groups: Groups, key: TagPublicKey): Uint8Array {
  const points = key.u.slice(1).map((point) => groups.encode(point));
  return concatBytes(encodeTagVerifierKey(groups, key), ...points);
}

/**
 * Reads a key of `sectorCount` points. Whether these are in the group, and are the powers of one α,
 * takes seconds to see and is left to {@link isTagKeyConsistent}: call it once for a new key.
 *
 * @throws {@link ProofError} `TAG_KEY_MALFORMED`
 */
export function decodeTagPublicKey(
  groups: Groups,
  encoded: Uint8Array,
  sectorCount: number,
): TagPublicKey {
  requireSize(encoded, TAG_VERIFIER_KEY_BYTES + (sectorCount - 1) * G1_BYTES);
  const { v, w } = decodeTagVerifierKey(groups, encoded.subarray(0, TAG_VERIFIER_KEY_BYTES));
  const u = [groups.g1];
  for (let at = TAG_VERIFIER_KEY_BYTES; at < encoded.length; at += G1_BYTES) {
    u.push(asTagKey(() => groups.decodeOwnG1(encoded.subarray(at, at + G1_BYTES))));
  }
  return { v, w, u };
}

function randomScalar(random: Random): bigint {
  for (;;) {
    const scalar = modOrder(bytesToBigint(random.bytes(WIDE_SCALAR_BYTES)));
    if (scalar !== 0n) return scalar;
  }
}

function requireSize(encoded: Uint8Array, sizeBytes: number): void {
  if (encoded.length === sizeBytes) return;
  const why = `${encoded.length} bytes where ${sizeBytes} belong`;
  throw new ProofError({ code: "TAG_KEY_MALFORMED", why });
}

function asTagKey<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw new ProofError({ code: "TAG_KEY_MALFORMED", why: cause.message }, { cause });
  }
}
