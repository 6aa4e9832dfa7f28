import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { BLOCK_BYTES } from "@cess/params/podr2";
import { bytesToHex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import { PROOF_BYTES, TAG_BYTES } from "./codec.ts";
import {
  challengeBlocks,
  createTestRandom,
  createWorld,
  hash,
  readFrom,
  TEST_BLOCK_BYTES,
  testBytes,
} from "./fixture.ts";
import { initPodr2 } from "./podr2.ts";
import { TAG_PUBLIC_KEY_BYTES } from "./tag-key.ts";

const world = await createWorld();

test("what is held is proven: any size, any samples, repeated or not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 * TEST_BLOCK_BYTES }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
      fc.string(),
      async (sizeBytes, draws, label) => {
        const fragment = world.store(label, testBytes(label, sizeBytes));
        const blockCount = Math.ceil(sizeBytes / TEST_BLOCK_BYTES);
        assert.equal(fragment.tags.length, blockCount * TAG_BYTES);
        const indexes = draws.map((draw) => draw % blockCount);
        const challenge = challengeBlocks(label, fragment.name, indexes);
        const proof = await world.prove(challenge, fragment);
        assert.equal(proof.length, PROOF_BYTES);
        assert.equal(world.podr2.check({ key: world.key, challenge, proof }), true);
      },
    ),
    { numRuns: 25 },
  );
});

test("fragments of zeros are proven too, though ψ is the identity", async () => {
  const fragment = world.store("zeros", new Uint8Array(2 * TEST_BLOCK_BYTES));
  const challenge = challengeBlocks("seed", fragment.name, [0, 1]);
  const proof = await world.prove(challenge, fragment);
  assert.equal(proof[48], 0xc0);
  assert.equal(world.podr2.check({ key: world.key, challenge, proof }), true);
});

test("zeros at a fragment's end and bytes left out are the same", () => {
  const bytes = testBytes("short", 100);
  const padded = new Uint8Array(TEST_BLOCK_BYTES);
  padded.set(bytes);
  assert.deepEqual(world.store("f", bytes).tags, world.store("f", padded).tags);
});

test("claims of several miners and keys are checked together, each with its answer", async () => {
  const other = await createWorld("second worker");
  const claims = await Promise.all(
    [world, world, other, other].map(async (owner, index) => {
      const fragment = owner.store(`f${index}`, testBytes(`f${index}`, 600));
      const challenge = challengeBlocks(`seed ${index}`, fragment.name, [0, 1, 2]);
      return { key: owner.key, challenge, proof: await owner.prove(challenge, fragment) };
    }),
  );
  const stale = { ...claims[1]!, proof: claims[0]!.proof };
  const malformed = { ...claims[2]!, proof: new Uint8Array(5) };
  const { checkMany } = world.podr2;
  assert.deepEqual(checkMany(claims), [true, true, true, true]);
  assert.deepEqual(checkMany([claims[0]!, stale, malformed, claims[3]!]), [
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual(checkMany([]), []);
  assert.deepEqual(checkMany([malformed]), [false]);
});

test("the prover reads each block once and only a few ahead", async () => {
  const fragment = world.store("many", testBytes("many", 40 * TEST_BLOCK_BYTES));
  const indexes = Array.from({ length: 80 }, (_, index) => index % 40);
  const challenge = challengeBlocks("seed", fragment.name, indexes);
  const read = readFrom([fragment]);
  let reads = 0;
  let pending = 0;
  let pendingMax = 0;
  const prover = world.podr2.createProver(world.key);
  const proof = await prover.prove(challenge, async (block) => {
    reads += 1;
    pending += 1;
    pendingMax = Math.max(pendingMax, pending);
    await new Promise((resolve) => setImmediate(resolve));
    pending -= 1;
    return read(block);
  });
  assert.equal(world.podr2.check({ key: world.key, challenge, proof }), true);
  assert.equal(reads, 40);
  assert(pendingMax > 1 && pendingMax <= 4, `${pendingMax}`);
});

test("a tag that is no point is named, and a reader's failure is passed on", async () => {
  const fragment = world.store("f", testBytes("f", 600));
  const challenge = challengeBlocks("seed", fragment.name, [0, 1, 2]);
  const broken = { ...fragment, tags: new Uint8Array(fragment.tags.length) };
  await assert.rejects(world.prove(challenge, broken), (error) => hasCode(error, "TAG_MALFORMED"));
  const prover = world.podr2.createProver(world.key);
  const failure = new RangeError("disk");
  await assert.rejects(
    prover.prove(challenge, () => Promise.reject(failure)),
    failure,
  );
});

test("an empty fragment is refused", () => {
  assert.throws(
    () => world.store("empty", new Uint8Array()),
    (error) => hasCode(error, "FRAGMENT_EMPTY"),
  );
});

/** The first tag was made again with @noble/curves 2.4.0 from the equation, and is equal. */
test("key, tags and proof of full size are pinned", async () => {
  const podr2 = await initPodr2();
  const secret = podr2.createSecretKey(createTestRandom("vector"));
  const key = podr2.toPublicKey(secret);
  const name = { fid: hash("vector file"), segmentIndex: 7, column: 3 };
  const bytes = testBytes("vector bytes", 2 * BLOCK_BYTES + 1000);
  const fragment = { name, bytes, tags: podr2.createTagger(secret).tag(name, bytes) };
  const challenge = challengeBlocks("vector seed", name, [0, 2, 1, 2]);
  const prover = podr2.createProver(podr2.decodePublicKey(podr2.encodePublicKey(key)));
  const proof = await prover.prove(challenge, readFrom([fragment], BLOCK_BYTES));
  assert.equal(podr2.check({ key, challenge, proof }), true);
  assert.equal(podr2.encodePublicKey(key).length, TAG_PUBLIC_KEY_BYTES);
  assert.equal(
    bytesToHex(podr2.keyHash(key)),
    "0x365673d95f08d246f2013b7dcba6de86f9168e0df9365209e0de7bc2152a2823",
  );
  assert.equal(
    bytesToHex(createHash("sha256").update(fragment.tags).digest()),
    "0xd381311d5e694c908f49630802ccf84736d0e95aed690debfeb60fb728230a7d",
  );
  assert.equal(
    bytesToHex(fragment.tags.subarray(0, TAG_BYTES)),
    "0xa8a2b803cc24f408f21de91f9370d13c72745ea9f8797401cfbd514aec1f4af7173ea9a73fa4ff61d6dc1d098d4c2cc1",
  );
  assert.equal(
    bytesToHex(proof),
    "0xa27b358d6679b187ef65a38341af7fa62a506e1a1fb47a89decc7f26c8408a40442129323154b83328f4807f8d8bd419aef36645d5af1017d5d273c03799b641b39993d8f9d1b4209ab83775aecb3744e42fb74808a58e10932653ca25d0bd82001cbce361c2b0765d04ce0bf9d850785775d6820ade6fe4ec9b1eb38950f69f",
  );
});
