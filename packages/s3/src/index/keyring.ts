/**
 * Keys at rest: the master key seals bucket keys and secrets, a bucket key wraps data keys.
 *
 * The master key is the operator's. Sealing bucket keys to their owners, so that the operator
 * cannot open them either, comes with proxy re-encryption (docs/spec/s3-gateway.md).
 *
 * @module
 */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "@cess/runtime/random";
import { concatBytes, utf8ToBytes } from "@cess/std/bytes";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAP = "id-aes256-wrap";
/** The initial value of RFC 3394 §2.2.3.1. */
const WRAP_IV = Buffer.alloc(8, 0xa6);

/** Seals and opens small secrets with AES-256-GCM, each bound to what it is for. */
export interface Keyring {
  seal(secret: Uint8Array, purpose: string): Uint8Array;
  /** Asserts that `sealed` was made for `purpose` by the same master key. */
  open(sealed: Uint8Array, purpose: string): Uint8Array;
}

/** @param masterKey - 32 bytes. */
export function createKeyring(masterKey: Uint8Array, random: Random): Keyring {
  assert.equal(masterKey.length, KEY_BYTES);
  return {
    seal(secret, purpose) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", masterKey, nonce);
      cipher.setAAD(utf8ToBytes(`cess/s3/${purpose}`));
      const sealed = concatBytes(cipher.update(secret), cipher.final());
      return concatBytes(nonce, sealed, cipher.getAuthTag());
    },
    open(sealed, purpose) {
      const cipher = createDecipheriv("aes-256-gcm", masterKey, sealed.subarray(0, NONCE_BYTES));
      cipher.setAAD(utf8ToBytes(`cess/s3/${purpose}`));
      cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const body = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
      return concatBytes(cipher.update(body), cipher.final());
    },
  };
}

/** Wraps a data key: 40 bytes (AES Key Wrap, RFC 3394). */
export function wrapKey(dataKey: Uint8Array, bucketKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv(WRAP, bucketKey, WRAP_IV);
  return concatBytes(cipher.update(dataKey), cipher.final());
}

/** Fails if `wrapped` was changed or belongs to another bucket. */
export function unwrapKey(wrapped: Uint8Array, bucketKey: Uint8Array): Uint8Array {
  const cipher = createDecipheriv(WRAP, bucketKey, WRAP_IV);
  return concatBytes(cipher.update(wrapped), cipher.final());
}
