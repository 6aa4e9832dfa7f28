import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@cess/std/error";
import { GROUP_ORDER } from "./field.ts";
import { createTestRandom, createWorld, TEST_SECTORS } from "./fixture.ts";
import { type G1, initGroups } from "./groups.ts";
import {
  createTagSecretKey,
  decodeTagSecretKey,
  encodeTagSecretKey,
  tagSecretToPublicKey,
} from "./tag-key.ts";

const groups = await initGroups();
const { podr2, secret, key } = await createWorld();
const isMalformed = (error: unknown) => hasCode(error, "TAG_KEY_MALFORMED");

test("keys survive their encodings, and their hash stays", () => {
  assert.deepEqual(decodeTagSecretKey(encodeTagSecretKey(secret)), secret);
  const decoded = podr2.decodePublicKey(podr2.encodePublicKey(key));
  assert.deepEqual(podr2.keyHash(decoded), podr2.keyHash(key));
  assert.equal(podr2.isKeyConsistent(decoded), true);
  const verifier = podr2.decodeVerifierKey(podr2.encodeVerifierKey(key));
  assert(verifier.v.isEqual(key.v) && verifier.w.isEqual(key.w));
});

test("attack: a key with one point that is not a power is inconsistent", () => {
  for (const index of [1, 4, TEST_SECTORS - 1]) {
    const u = key.u.with(index, groups.add(key.u[index] as G1, groups.g1));
    assert.equal(podr2.isKeyConsistent({ ...key, u }), false, `u_${index}`);
  }
});

test("attack: a key with two errors that cancel in a plain sum is inconsistent", () => {
  const error = groups.multiply(groups.g1, 12_345n);
  const opposite = groups.multiply(groups.g1, GROUP_ORDER - 12_345n);
  const u = key.u
    .with(3, groups.add(key.u[3] as G1, error))
    .with(5, groups.add(key.u[5] as G1, opposite));
  assert.equal(podr2.isKeyConsistent({ ...key, u }), false);
});

test("attack: a key whose powers start from another point is inconsistent", () => {
  const u = key.u.map((point) => groups.multiply(point, 2n));
  assert.equal(podr2.isKeyConsistent({ ...key, u }), false);
});

test("attack: powers of one α with the w of another are inconsistent", () => {
  const random = createTestRandom("other");
  const { alpha } = createTagSecretKey(random);
  const other = tagSecretToPublicKey(groups, { ...secret, alpha }, TEST_SECTORS);
  assert.equal(podr2.isKeyConsistent({ ...key, u: other.u }), false);
});

test("attack: a key with a point outside the group is inconsistent", () => {
  const outside = new Uint8Array(48);
  outside[0] = 0x80;
  const u = key.u.with(2, groups.add(key.u[2] as G1, groups.decodeOwnG1(outside)));
  assert.equal(podr2.isKeyConsistent({ ...key, u }), false);
});

test("attack: a key that is zero is refused, for it would accept any proof", () => {
  const encoded = podr2.encodeVerifierKey(key);
  for (const offset of [0, 96]) {
    const forged = encoded.slice();
    forged.fill(0, offset, offset + 96);
    forged[offset] = 0xc0;
    assert.throws(() => podr2.decodeVerifierKey(forged), isMalformed);
  }
  const zero = groups.multiplyG2(groups.g2, 0n);
  assert.equal(podr2.isKeyConsistent({ ...key, v: zero, w: zero }), false);
});

test("keys of another size are refused", () => {
  const encoded = podr2.encodePublicKey(key);
  assert.throws(() => podr2.decodePublicKey(encoded.subarray(1)), isMalformed);
  assert.throws(() => podr2.decodeVerifierKey(encoded), isMalformed);
  assert.throws(() => decodeTagSecretKey(new Uint8Array(63)), isMalformed);
});

test("secret keys that are zero or not below r are refused", () => {
  assert.throws(() => decodeTagSecretKey(new Uint8Array(64)), isMalformed);
  assert.throws(() => decodeTagSecretKey(new Uint8Array(64).fill(0xff)), isMalformed);
});
