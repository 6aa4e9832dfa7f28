import assert from "node:assert/strict";
import { test } from "node:test";
import { bigintToBytes, bytesToBigint, bytesToHex, concatBytes, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import {
  domainDigest,
  keccak256,
  privateKeyToAddress,
  privateKeyToAddressHex,
  recoverAddress,
  signDigest,
} from "./secp256k1.ts";

/** First account of the well-known development mnemonic "test test … junk". */
const KEY = hexToBytes("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const ORDER = secp256k1.Point.Fn.ORDER;

test("vector: keccak256 of nothing, and a well-known account", () => {
  assert.equal(
    bytesToHex(keccak256(new Uint8Array())),
    "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
  );
  assert.equal(privateKeyToAddressHex(KEY), ADDRESS);
});

test("keccak256 equals another implementation for every length around its blocks", () => {
  const text = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 167 + 13) % 256);
  const lengths = Array.from({ length: 420 }, (_, length) => length);
  for (const length of [...lengths, 16_384, 16_385, 70_000]) {
    const part = text.subarray(7, 7 + length);
    assert.deepEqual(keccak256(part), keccak_256(part));
  }
  // A digest is the caller's own: the next one does not change it.
  const first = keccak256(Uint8Array.of(1));
  keccak256(Uint8Array.of(2));
  assert.deepEqual(first, keccak_256(Uint8Array.of(1)));
});

test("a signature recovers to its signer, and equals that of another implementation", () => {
  for (let index = 0; index < 20; index += 1) {
    const digest = domainDigest("cess/test/v1", Uint8Array.of(index));
    const signature = signDigest(digest, KEY);
    assert.deepEqual(recoverAddress(digest, signature), privateKeyToAddress(KEY));
    const other = secp256k1.sign(digest, KEY, { prehash: false, lowS: true });
    assert.deepEqual(signature.slice(0, 64), other);
  }
});

test("attack: the second signature that anyone can make of a first", () => {
  const digest = domainDigest("cess/test/v1");
  const signature = signDigest(digest, KEY);
  const s = bytesToBigint(signature.slice(32, 64));
  const flipped = concatBytes(
    signature.slice(0, 32),
    bigintToBytes(ORDER - s, 32),
    Uint8Array.of(1 - signature[64]!),
  );
  assert.throws(
    () => recoverAddress(digest, flipped),
    (cause) => hasCode(cause, "SIGNATURE_MALFORMED"),
  );
});

test("attack: malformed signatures and keys", () => {
  const digest = domainDigest("cess/test/v1");
  const signature = signDigest(digest, KEY);
  const zeroR = concatBytes(new Uint8Array(32), signature.slice(32));
  const zeroS = concatBytes(signature.slice(0, 32), new Uint8Array(32), signature.slice(64));
  const largeR = concatBytes(bigintToBytes(ORDER, 32), signature.slice(32));
  const v27 = concatBytes(signature.slice(0, 64), Uint8Array.of(27));
  for (const forged of [zeroR, zeroS, largeR, v27, signature.slice(1)]) {
    assert.throws(
      () => recoverAddress(digest, forged),
      (cause) => hasCode(cause, "SIGNATURE_MALFORMED"),
    );
  }
  for (const key of [new Uint8Array(32), bigintToBytes(ORDER, 32), KEY.slice(1)]) {
    assert.throws(
      () => signDigest(digest, key),
      (cause) => hasCode(cause, "KEY_INVALID"),
    );
  }
});

test("a digest is bound to its domain", () => {
  const part = Uint8Array.of(1);
  assert.notDeepEqual(domainDigest("a", part), domainDigest("b", part));
  assert.notDeepEqual(domainDigest("a"), domainDigest("a", part));
});
