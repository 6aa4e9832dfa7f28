import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import { createKeyring, unwrapKey, wrapKey } from "./keyring.ts";

test("vector RFC 3394 §4.6: a 256-bit key wrapped by a 256-bit key", () => {
  const wrapping = hexToBytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const key = hexToBytes("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
  const wrapped = wrapKey(key, wrapping);
  assert.equal(
    bytesToHex(wrapped),
    "0x28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
  );
  assert.deepEqual(unwrapKey(wrapped, wrapping), key);
});

test("a changed wrapping, another bucket's key, purpose or master key opens nothing", () => {
  const [bucketKey, otherKey] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const wrapped = wrapKey(new Uint8Array(32).fill(3), bucketKey);
  assert.throws(() => unwrapKey(wrapped, otherKey));
  assert.throws(() =>
    unwrapKey(
      wrapped.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
      bucketKey,
    ),
  );
  const keyring = createKeyring(bucketKey, systemRandom);
  const sealed = keyring.seal(Uint8Array.of(1, 2, 3), "a");
  assert.deepEqual(keyring.open(sealed, "a"), Uint8Array.of(1, 2, 3));
  assert.throws(() => keyring.open(sealed, "b"));
  assert.throws(() => createKeyring(otherKey, systemRandom).open(sealed, "a"));
  assert.throws(() =>
    keyring.open(
      sealed.map((byte, at) => (at === 13 ? byte ^ 1 : byte)),
      "a",
    ),
  );
});
