/**
 * ECVRF-EDWARDS25519-SHA512-ELL2, a verifiable random function: ciphersuite 0x04 of RFC 9381.
 *
 * Section numbers below are those of the RFC. Keys are Ed25519 keys (RFC 8032).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9381
 * @module
 */
import { createHash } from "node:crypto";
import { concatBytes } from "@cess/std/bytes";
import { ed25519, ed25519_hasher } from "@noble/curves/ed25519.js";
import { CryptoError } from "./error.ts";

export const VRF_SECRET_KEY_BYTES = 32;
export const VRF_PUBLIC_KEY_BYTES = 32;
export const VRF_PROOF_BYTES = 80;
export const VRF_OUTPUT_BYTES = 64;

type Point = InstanceType<typeof ed25519.Point>;

interface Proof {
  readonly gamma: Point;
  readonly challenge: bigint;
  readonly response: bigint;
}

const Point = ed25519.Point;
const ORDER = Point.Fn.ORDER;
const SUITE = 0x04;
const POINT_BYTES = 32;
const CHALLENGE_BYTES = 16;
const ENCODE_DOMAIN = "ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_\x04";

export function vrfPublicKeyOf(secretKey: Uint8Array): Uint8Array {
  assertSecretKey(secretKey);
  return ed25519.getPublicKey(secretKey);
}

/**
 * Proves the output of `secretKey` for `input` (§5.1).
 *
 * @returns the proof, 80 bytes: gamma, challenge, response.
 * @throws {@link CryptoError} `KEY_INVALID` if the secret key is not 32 bytes.
 */
export function proveVRF(secretKey: Uint8Array, input: Uint8Array): Uint8Array {
  assertSecretKey(secretKey);
  const { scalar, prefix, point } = ed25519.utils.getExtendedPublicKey(secretKey);
  const base = encodeToCurve(point, input);
  const gamma = base.multiply(scalar);
  // §5.4.2.2: the nonce of RFC 8032, over the encoded curve point.
  const nonce = littleEndian(sha512(prefix, base.toBytes())) % ORDER;
  const nonceBase = Point.BASE.multiply(nonce);
  const challenge = createChallenge([point, base, gamma, nonceBase, base.multiply(nonce)]);
  const response = (nonce + challenge * scalar) % ORDER;
  return concatBytes(
    gamma.toBytes(),
    toLittleEndian(challenge, CHALLENGE_BYTES),
    toLittleEndian(response, POINT_BYTES),
  );
}

/**
 * Checks a proof and returns its output (§5.3, with `validate_key`, §5.4.5).
 *
 * @returns 64 bytes, the only ones that `publicKey` can prove for `input`.
 * @throws {@link CryptoError} `KEY_INVALID`, `PROOF_MALFORMED` or `PROOF_INVALID`.
 */
export function verifyVRF(publicKey: Uint8Array, input: Uint8Array, proof: Uint8Array): Uint8Array {
  const key = parsePublicKey(publicKey);
  const { gamma, challenge, response } = parseProof(proof);
  const base = encodeToCurve(key, input);
  const u = Point.BASE.multiplyUnsafe(response).subtract(key.multiplyUnsafe(challenge));
  const v = base.multiplyUnsafe(response).subtract(gamma.multiplyUnsafe(challenge));
  if (createChallenge([key, base, gamma, u, v]) !== challenge) {
    throw new CryptoError({ code: "PROOF_INVALID" });
  }
  return outputOf(gamma);
}

/**
 * Output of a proof that is known to be valid, such as one's own (§5.2).
 *
 * @throws {@link CryptoError} `PROOF_MALFORMED`
 */
export function vrfOutputOf(proof: Uint8Array): Uint8Array {
  return outputOf(parseProof(proof).gamma);
}

function outputOf(gamma: Point): Uint8Array {
  return sha512(Uint8Array.of(SUITE, 0x03), gamma.clearCofactor().toBytes(), Uint8Array.of(0x00));
}

/** §5.4.1.2, the salt being the public key (§5.5). */
function encodeToCurve(key: Point, input: Uint8Array): Point {
  const message = concatBytes(key.toBytes(), input);
  const point = ed25519_hasher.encodeToCurve(message, { DST: ENCODE_DOMAIN });
  return Point.fromAffine(point.toAffine());
}

/** §5.4.3 */
function createChallenge(points: readonly Point[]): bigint {
  const encoded = points.map((point) => point.toBytes());
  const digest = sha512(Uint8Array.of(SUITE, 0x02), ...encoded, Uint8Array.of(0x00));
  return littleEndian(digest.subarray(0, CHALLENGE_BYTES));
}

/** §5.4.4 */
function parseProof(proof: Uint8Array): Proof {
  if (proof.length !== VRF_PROOF_BYTES) throw malformed("not 80 bytes");
  const response = littleEndian(proof.subarray(POINT_BYTES + CHALLENGE_BYTES));
  if (response >= ORDER) throw malformed("response is not below the group order");
  const challenge = littleEndian(proof.subarray(POINT_BYTES, POINT_BYTES + CHALLENGE_BYTES));
  try {
    return { gamma: Point.fromBytes(proof.subarray(0, POINT_BYTES)), challenge, response };
  } catch (cause) {
    throw malformed("gamma is not a point", cause);
  }
}

/** §5.4.5: a key of small order would prove the same output for every input. */
function parsePublicKey(publicKey: Uint8Array): Point {
  try {
    const point = Point.fromBytes(publicKey);
    if (!point.isSmallOrder()) return point;
  } catch (cause) {
    throw new CryptoError({ code: "KEY_INVALID", reason: "not a point" }, { cause });
  }
  throw new CryptoError({ code: "KEY_INVALID", reason: "a point of small order" });
}

function assertSecretKey(secretKey: Uint8Array): void {
  if (secretKey.length === VRF_SECRET_KEY_BYTES) return;
  throw new CryptoError({ code: "KEY_INVALID", reason: "not 32 bytes" });
}

function malformed(reason: string, cause?: unknown): CryptoError {
  return new CryptoError({ code: "PROOF_MALFORMED", reason }, { cause });
}

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toLittleEndian(value: bigint, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => {
    return Number((value >> BigInt(8 * index)) & 0xffn);
  });
}
