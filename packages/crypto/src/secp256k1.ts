/**
 * Ethereum's signatures: ECDSA over secp256k1 with public key recovery, by the native library.
 * @module
 */
import { createRequire } from "node:module";
import { bytesToHex, concatBytes, type Hex, utf8ToBytes } from "@cess/std/bytes";
import { createKeccak } from "hash-wasm";
import { CryptoError } from "./error.ts";

/** The part of the library's interface that is used here; it ships no types. */
interface NativeSecp256k1 {
  privateKeyVerify(privateKey: Uint8Array): boolean;
  publicKeyCreate(privateKey: Uint8Array, isCompressed: boolean): Uint8Array;
  ecdsaSign(
    digest: Uint8Array,
    privateKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recid: number };
  ecdsaRecover(
    signature: Uint8Array,
    recoveryId: number,
    digest: Uint8Array,
    isCompressed: boolean,
  ): Uint8Array;
}

const native = createRequire(import.meta.url)("secp256k1") as NativeSecp256k1;

export const RECOVERABLE_SIGNATURE_BYTES = 65;
const DIGEST_BYTES = 32;
const COMPACT_BYTES = 64;
const ORDER = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;
const HALF_ORDER_HEX = (ORDER >> 1n).toString(16);

/** PERF: every node of a trie costs one; WebAssembly is 4 to 10 times as fast as JavaScript. */
const keccak = await createKeccak(256);

export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak.init().update(bytes).digest("binary");
}

/**
 * Digest of a message for one purpose: keccak256(utf8(domain) ‖ 0x00 ‖ parts).
 *
 * @param domain - Unique to package and operation, such as `cess/receipt/v1`; without NUL.
 * @param parts - Each of fixed length, or encoded by a codec: nothing separates them.
 */
export function domainDigest(domain: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return keccak256(concatBytes(utf8ToBytes(domain), Uint8Array.of(0), ...parts));
}

/**
 * Signs a digest deterministically (RFC 6979).
 *
 * @param digest - 32 bytes.
 * @returns 65 bytes: r ‖ s ‖ v, with s in the lower half and v 0 or 1.
 * @throws {@link CryptoError} `KEY_INVALID` if the key is not 32 bytes in [1, n).
 */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  assertDigest(digest);
  const { signature, recid } = native.ecdsaSign(digest, privateKey);
  return concatBytes(signature, Uint8Array.of(recid));
}

/**
 * Recovers the account that signed a digest. Any well-formed signature recovers to some account:
 * compare it to the one expected.
 *
 * @param signature - 65 bytes: r ‖ s ‖ v with v 0 or 1.
 * @returns 20 bytes.
 * @throws {@link CryptoError} `SIGNATURE_MALFORMED`, also for s in the upper half: accepting it
 *   would let anyone make a second signature out of each.
 */
export function recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array {
  assertDigest(digest);
  if (signature.length !== RECOVERABLE_SIGNATURE_BYTES) throw malformed("not 65 bytes");
  const recoveryId = signature[COMPACT_BYTES]!;
  if (recoveryId > 1) throw malformed("v is neither 0 nor 1");
  const compact = signature.slice(0, COMPACT_BYTES);
  if (bytesToHex(compact.subarray(32)).slice(2) > HALF_ORDER_HEX) throw malformed("s is high");
  return addressOf(recoverPublicKey(digest, compact, recoveryId));
}

/**
 * The key that signed a digest, as the EVM's `ecrecover` has it: s may be in either half.
 *
 * @param compact - r ‖ s, 64 bytes.
 * @returns x ‖ y, 64 bytes.
 * @throws {@link CryptoError} `SIGNATURE_MALFORMED`
 */
export function recoverPublicKey(
  digest: Uint8Array,
  compact: Uint8Array,
  recoveryId: number,
): Uint8Array {
  try {
    return native.ecdsaRecover(compact, recoveryId, digest, false).subarray(1);
  } catch (cause) {
    throw malformed("no key recovers", cause);
  }
}

/** @throws {@link CryptoError} `KEY_INVALID` if the key is not 32 bytes in [1, n). */
export function privateKeyToAddress(privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  return addressOf(native.publicKeyCreate(privateKey, false).subarray(1));
}

/** @returns the address in lower-case hex. */
export function privateKeyToAddressHex(privateKey: Uint8Array): Hex {
  return bytesToHex(privateKeyToAddress(privateKey));
}

/** Last 20 bytes of the hash of a key, x ‖ y. */
function addressOf(publicKey: Uint8Array): Uint8Array {
  return keccak256(publicKey).slice(-20);
}

function assertPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length === 32 && native.privateKeyVerify(privateKey)) return;
  throw new CryptoError({ code: "KEY_INVALID", reason: "not a secp256k1 private key" });
}

function assertDigest(digest: Uint8Array): void {
  if (digest.length !== DIGEST_BYTES) throw malformed("the digest is not 32 bytes");
}

function malformed(reason: string, cause?: unknown): CryptoError {
  return new CryptoError({ code: "SIGNATURE_MALFORMED", reason }, { cause });
}
