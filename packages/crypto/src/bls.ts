/**
 * BLS12-381 signatures with public keys in G1 (48 bytes) and signatures in G2 (96 bytes).
 *
 * The ciphersuite is `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`: signatures of *one* message by
 * many keys aggregate, and may be checked with {@link verifySameMessage}, only among keys whose
 * proof of possession was checked when they were registered. Otherwise a rogue key, computed from
 * the others, could speak for all of them.
 *
 * The native library fixes the hash-to-curve tag to that of signatures, so a proof of possession
 * is a signature over its own domain string and the public key. No other message may begin with
 * {@link POSSESSION_DOMAIN}.
 *
 * @see https://datatracker.ietf.org/doc/draft-irtf-cfrg-bls-signature/
 * @module
 */
import assert from "node:assert/strict";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, concatBytes, utf8ToBytes } from "@cess/std/bytes";
import {
  aggregateSerializedSignatures,
  aggregateVerify,
  fastAggregateVerify,
  PublicKey,
  SecretKey,
  Signature,
  verify,
  verifyMultipleAggregateSignatures,
} from "@chainsafe/blst";
import { CryptoError } from "./error.ts";

export const BLS_SECRET_KEY_BYTES = 32;
export const BLS_PUBLIC_KEY_BYTES = 48;
export const BLS_SIGNATURE_BYTES = 96;
export const POSSESSION_DOMAIN = "cess/bls-possession/v1";

export interface BLSKeyPair {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface SignedMessage {
  readonly message: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

const SEED_BYTES_MIN = 32;
const KEYS_CACHED_MAX = 4096;

/** Checked keys by their bytes: parsing and the subgroup check cost more than a hash of them. */
const checkedKeys = new BoundedMap<string, PublicKey>(KEYS_CACHED_MAX);

/**
 * Derives a key pair from a secret seed (KeyGen of the BLS draft).
 *
 * @throws {@link CryptoError} `KEY_INVALID` if the seed is shorter than 32 bytes.
 */
export function createBLSKeyPair(seed: Uint8Array): BLSKeyPair {
  if (seed.length < SEED_BYTES_MIN) {
    throw new CryptoError({ code: "KEY_INVALID", reason: "seed shorter than 32 bytes" });
  }
  const secret = SecretKey.fromKeygen(seed);
  return { secretKey: secret.toBytes(), publicKey: secret.toPublicKey().toBytes() };
}

/** @throws {@link CryptoError} `KEY_INVALID` if the secret key is not a scalar in [1, r). */
export function blsPublicKeyOf(secretKey: Uint8Array): Uint8Array {
  return parseSecretKey(secretKey).toPublicKey().toBytes();
}

/** @throws {@link CryptoError} `KEY_INVALID` if the secret key is not a scalar in [1, r). */
export function signBLS(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return parseSecretKey(secretKey).sign(message).toBytes();
}

/**
 * Refuses keys that are not in the subgroup of order r, or are its neutral element.
 *
 * @throws {@link CryptoError} `KEY_INVALID`
 */
export function assertBLSPublicKey(publicKey: Uint8Array): void {
  parsePublicKey(publicKey);
}

/** False as well for malformed keys and signatures. */
export function verifyBLS(signed: SignedMessage): boolean {
  return answers(() => {
    const signature = parseSignature(signed.signature);
    return verify(signed.message, parsePublicKey(signed.publicKey), signature);
  });
}

/**
 * Adds signatures up; each is checked to be a point of the subgroup, not to verify.
 *
 * @throws {@link CryptoError} `SIGNATURE_MALFORMED` if one is not a signature.
 */
export function aggregateBLS(signatures: readonly Uint8Array[]): Uint8Array {
  assert(signatures.length > 0, "there is no aggregate of nothing");
  const sizeIsRight = signatures.every((signature) => signature.length === BLS_SIGNATURE_BYTES);
  if (!sizeIsRight) throw malformed("not 96 bytes");
  try {
    return aggregateSerializedSignatures([...signatures], true).toBytes();
  } catch (cause) {
    throw malformed("not a point of the subgroup", cause);
  }
}

/**
 * Adds signatures up without looking at them: for a sum that is verified next. Two wrong ones may
 * cancel each other out, and then the sum is as good as any.
 *
 * @throws {@link CryptoError} `SIGNATURE_MALFORMED` if one is not even a point.
 */
export function sumBLS(signatures: readonly Uint8Array[]): Uint8Array {
  assert(signatures.length > 0, "there is no aggregate of nothing");
  try {
    return aggregateSerializedSignatures([...signatures], false).toBytes();
  } catch (cause) {
    throw malformed("not a point", cause);
  }
}

/** Checks an aggregate of signatures of one message by keys with proven possession. */
export function verifySameMessage(
  message: Uint8Array,
  publicKeys: readonly Uint8Array[],
  signature: Uint8Array,
): boolean {
  if (publicKeys.length === 0) return false;
  return answers(() => {
    const keys = publicKeys.map(parsePublicKey);
    return fastAggregateVerify(message, keys, parseSignature(signature));
  });
}

/** Checks an aggregate of signatures of distinct messages, `messages[i]` by `publicKeys[i]`. */
export function verifyDistinctMessages(
  messages: readonly Uint8Array[],
  publicKeys: readonly Uint8Array[],
  signature: Uint8Array,
): boolean {
  const isDistinct = new Set(messages.map(bytesToHex)).size === messages.length;
  if (messages.length === 0 || messages.length !== publicKeys.length || !isDistinct) return false;
  return answers(() => {
    const keys = publicKeys.map(parsePublicKey);
    return aggregateVerify([...messages], keys, parseSignature(signature));
  });
}

/**
 * Checks many signatures at once by a random combination, at about half the cost of one by one.
 * False says that at least one is wrong, not which.
 *
 * @see https://ethresear.ch/t/fast-verification-of-multiple-bls-signatures/5407
 */
export function verifyBLSBatch(batch: readonly SignedMessage[]): boolean {
  if (batch.length === 0) return true;
  return answers(() => {
    const sets = batch.map(({ message, publicKey, signature }) => {
      return { msg: message, pk: parsePublicKey(publicKey), sig: parseSignature(signature) };
    });
    return verifyMultipleAggregateSignatures(sets);
  });
}

/** Proves that whoever registers a public key knows its secret. */
export function provePossession(secretKey: Uint8Array): Uint8Array {
  return signBLS(possessionMessage(blsPublicKeyOf(secretKey)), secretKey);
}

export function verifyPossession(publicKey: Uint8Array, proof: Uint8Array): boolean {
  const message = possessionMessage(publicKey);
  return verifyBLS({ message, publicKey, signature: proof });
}

function possessionMessage(publicKey: Uint8Array): Uint8Array {
  return concatBytes(utf8ToBytes(POSSESSION_DOMAIN), publicKey);
}

function parseSecretKey(secretKey: Uint8Array): SecretKey {
  try {
    return SecretKey.fromBytes(secretKey);
  } catch {
    // The cause is dropped: nothing about a secret may reach a log.
    throw new CryptoError({ code: "KEY_INVALID", reason: "not a BLS secret key" });
  }
}

function parsePublicKey(publicKey: Uint8Array): PublicKey {
  const id = bytesToHex(publicKey);
  const known = checkedKeys.get(id);
  if (known !== undefined) return known;
  if (publicKey.length !== BLS_PUBLIC_KEY_BYTES) {
    throw new CryptoError({ code: "KEY_INVALID", reason: "not 48 bytes" });
  }
  try {
    const parsed = PublicKey.fromBytes(publicKey, true);
    checkedKeys.set(id, parsed);
    return parsed;
  } catch (cause) {
    const reason = "not a point of the subgroup";
    throw new CryptoError({ code: "KEY_INVALID", reason }, { cause });
  }
}

function parseSignature(signature: Uint8Array): Signature {
  if (signature.length !== BLS_SIGNATURE_BYTES) throw malformed("not 96 bytes");
  try {
    return Signature.fromBytes(signature, true, true);
  } catch (cause) {
    throw malformed("not a point of the subgroup", cause);
  }
}

function malformed(reason: string, cause?: unknown): CryptoError {
  return new CryptoError({ code: "SIGNATURE_MALFORMED", reason }, { cause });
}

/** Runs a check of untrusted bytes: malformed ones are as wrong as ones that do not verify. */
function answers(check: () => boolean): boolean {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof CryptoError) return false;
    throw cause;
  }
}
