/** Ways to pass an audit without the data, each of which must fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { challengeScalars } from "./challenge.ts";
import { decodeProof, encodeProof, type Proof } from "./codec.ts";
import { encodeScalar, GROUP_ORDER, modOrder } from "./field.ts";
import {
  challengeBlocks,
  createWorld,
  type StoredFragment,
  TEST_BLOCK_BYTES,
  testBytes,
} from "./fixture.ts";
import { initGroups } from "./groups.ts";

const groups = await initGroups();
const world = await createWorld();
const fragment = world.store("file", testBytes("file", 4 * TEST_BLOCK_BYTES));
const challenge = challengeBlocks("seed", fragment.name, [0, 1, 2, 3]);
const proof = await world.prove(challenge, fragment);
const accepts = (forgery: Uint8Array): boolean =>
  world.podr2.check({ key: world.key, challenge, proof: forgery });

test("control: the honest proof is accepted", () => {
  assert.equal(accepts(proof), true);
});

test("attack: a bit changed in any byte", () => {
  for (let index = 0; index < proof.length; index += 1) {
    const bit = 1 << ((index * 5) % 8);
    assert.equal(accepts(proof.with(index, (proof[index] as number) ^ bit)), false, `${index}`);
  }
});

test("attack: every flag bit of both points", () => {
  for (const index of [0, 48]) {
    for (const bit of [0x80, 0x40, 0x20, 0x10]) {
      assert.equal(accepts(proof.with(index, (proof[index] as number) ^ bit)), false);
    }
  }
});

test("attack: a changed sector under its old tag", async () => {
  for (const offset of [0, 30, 31, 2 * TEST_BLOCK_BYTES + 100, fragment.bytes.length - 1]) {
    const bytes = fragment.bytes.with(offset, (fragment.bytes[offset] as number) ^ 1);
    assert.equal(accepts(await world.prove(challenge, { ...fragment, bytes })), false);
  }
});

test("attack: a changed tag", async () => {
  const tags = fragment.tags.slice();
  tags.copyWithin(0, 48, 96);
  assert.equal(accepts(await world.prove(challenge, { ...fragment, tags })), false);
});

test("attack: a lost block answered by another with its own tag", async () => {
  const swapped = swapBlocks(fragment);
  assert.equal(accepts(await world.prove(challenge, swapped)), false);
});

test("attack: a lost block answered by zeros", async () => {
  const bytes = fragment.bytes.slice();
  bytes.fill(0, TEST_BLOCK_BYTES, 2 * TEST_BLOCK_BYTES);
  assert.equal(accepts(await world.prove(challenge, { ...fragment, bytes })), false);
});

test("attack: a sample left out", async () => {
  const fewer = { seed: challenge.seed, samples: challenge.samples.slice(0, 3) };
  assert.equal(accepts(await world.prove(fewer, fragment)), false);
});

test("attack: the proof of a stale seed", async () => {
  const stale = { ...challenge, seed: challenge.seed.with(31, 0) };
  assert.equal(accepts(await world.prove(stale, fragment)), false);
});

test("attack: the proof of another miner under the same seed", async () => {
  const other = world.store("other file", fragment.bytes);
  const theirs = { seed: challenge.seed, samples: relabel(other) };
  assert.equal(accepts(await world.prove(theirs, other)), false);
});

test("attack: the tags of another column, segment or file for equal bytes", async () => {
  const other = world.store("other file", fragment.bytes);
  assert.equal(accepts(await world.prove(challenge, { ...fragment, tags: other.tags })), false);
  const tagger = world.podr2.createTagger(world.secret);
  for (const name of [
    { ...fragment.name, column: 3 },
    { ...fragment.name, segmentIndex: 2 },
  ]) {
    const tags = tagger.tag(name, fragment.bytes);
    assert.equal(accepts(await world.prove(challenge, { ...fragment, tags })), false);
  }
});

test("attack: tags made under a key of one's own", async () => {
  const own = await createWorld("own key");
  const forged = own.store("file", fragment.bytes);
  assert.equal(accepts(await own.prove(challenge, forged)), false);
  assert.equal(accepts(await world.prove(challenge, forged)), false);
});

test("attack: another polynomial opened under the true σ", async () => {
  const bytes = testBytes("made up", fragment.bytes.length);
  const made = decodeProof(groups, await world.prove(challenge, { ...fragment, bytes }));
  const { sigma } = decodeProof(groups, proof);
  assert.equal(accepts(encodeProof(groups, { ...made, sigma })), false);
});

test("attack: the true polynomial opened at another point", async () => {
  const { sigma, psi, y } = decodeProof(groups, proof);
  const { point } = challengeScalars(challenge.seed, 4);
  // f(z') = f(z) + q(z)(z' − z) would need q(z); a guess from what is known is not enough.
  const guess = modOrder(y + point);
  assert.equal(accepts(encodeProof(groups, { sigma, psi, y: guess })), false);
});

test("attack: nothing at all", () => {
  const zero = Uint8Array.of(0xc0, ...new Uint8Array(47));
  const nothing = concatBytes(zero, zero, new Uint8Array(32));
  assert.equal(accepts(nothing), false);
  assert.equal(accepts(concatBytes(zero, proof.subarray(48))), false);
  assert.throws(
    () => decodeProof(groups, nothing),
    (error) => hasCode(error, "PROOF_MALFORMED"),
  );
  assert.equal(accepts(new Uint8Array(128)), false);
  assert.equal(accepts(new Uint8Array()), false);
});

test("attack: the sum or a multiple of honest proofs", async () => {
  const again = { ...challenge, seed: challenge.seed.with(0, 1) };
  const second = decodeProof(groups, await world.prove(again, fragment));
  const first = decodeProof(groups, proof);
  const sum: Proof = {
    sigma: groups.add(first.sigma, second.sigma),
    psi: groups.add(first.psi, second.psi),
    y: modOrder(first.y + second.y),
  };
  assert.equal(accepts(encodeProof(groups, sum)), false);
  const double: Proof = {
    sigma: groups.multiply(first.sigma, 2n),
    psi: groups.multiply(first.psi, 2n),
    y: modOrder(2n * first.y),
  };
  assert.equal(accepts(encodeProof(groups, double)), false);
});

test("attack: points outside the group, and a second encoding of y", () => {
  const { sigma, psi, y } = decodeProof(groups, proof);
  const outside = groups.decodeOwnG1(Uint8Array.of(0x80, ...new Uint8Array(47)));
  const forgeries = [
    encodeProof(groups, { sigma: groups.add(sigma, outside), psi, y }),
    encodeProof(groups, { sigma, psi: groups.add(psi, outside), y }),
    concatBytes(groups.encode(sigma), groups.encode(psi), encodeScalar(y + GROUP_ORDER)),
    concatBytes(proof, Uint8Array.of(0)),
  ];
  for (const forgery of forgeries) {
    assert.throws(
      () => decodeProof(groups, forgery),
      (error) => hasCode(error, "PROOF_MALFORMED"),
    );
    assert.equal(accepts(forgery), false);
  }
});

test("attack: two false proofs whose errors cancel in a plain sum", async () => {
  const next = { ...challenge, seed: challenge.seed.with(0, 9) };
  const first = decodeProof(groups, proof);
  const second = decodeProof(groups, await world.prove(next, fragment));
  const shift = (point: Proof, by: bigint): Uint8Array =>
    encodeProof(groups, {
      ...point,
      sigma: groups.add(point.sigma, groups.multiply(groups.g1, by)),
    });
  const claims = [
    { key: world.key, challenge, proof: shift(first, 77n) },
    { key: world.key, challenge: next, proof: shift(second, GROUP_ORDER - 77n) },
  ];
  assert.deepEqual(world.podr2.checkMany(claims), [false, false]);
});

/** Blocks 0 and 1, each with its tag, in each other's place. */
function swapBlocks(stored: StoredFragment): StoredFragment {
  const bytes = concatBytes(
    stored.bytes.subarray(TEST_BLOCK_BYTES, 2 * TEST_BLOCK_BYTES),
    stored.bytes.subarray(0, TEST_BLOCK_BYTES),
    stored.bytes.subarray(2 * TEST_BLOCK_BYTES),
  );
  const tags = concatBytes(
    stored.tags.subarray(48, 96),
    stored.tags.subarray(0, 48),
    stored.tags.subarray(96),
  );
  return { ...stored, bytes, tags };
}

function relabel(stored: StoredFragment): readonly (typeof challenge.samples)[number][] {
  return challenge.samples.map(({ blockIndex }) => ({ ...stored.name, blockIndex }));
}
