import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { BLOCK_BYTES } from "@cess/params/podr2";
import { hasCode } from "@cess/std/error";
import { challengeBlocks, createTestRandom, hash, testBytes } from "./fixture.ts";
import { initPodr2 } from "./podr2.ts";
import { encodeTagSecretKey } from "./tag-key.ts";
import { createPodr2Pool, type Podr2Pool } from "./worker-pool.ts";

const podr2 = await initPodr2();
const secret = podr2.createSecretKey(createTestRandom("pool"));
const key = podr2.toPublicKey(secret);
const secretKey = encodeTagSecretKey(secret);
const publicKey = podr2.encodePublicKey(key);
const verifierKey = podr2.encodeVerifierKey(key);

const fragment = { fid: hash("pool file"), segmentIndex: 0, column: 1 };
const bytes = testBytes("pool bytes", 3 * BLOCK_BYTES + 5);
const tags = podr2.createTagger(secret).tag(fragment, bytes);
const directory = await mkdtemp(join(tmpdir(), "cess-podr2-"));
const files = {
  path: join(directory, "fragment"),
  tagPath: join(directory, "fragment.tag"),
  sizeBytes: bytes.length,
};
const pool = createPodr2Pool({ threads: 2, queueMax: 4 });
after(async () => {
  await pool.stop();
  await rm(directory, { recursive: true });
});

test("a pool tags, proves from files and checks as the calling thread does", async () => {
  const moved = bytes.slice();
  assert.deepEqual(await pool.tag({ secretKey, fragment, bytes: moved }), tags);
  assert.equal(moved.length, 0);
  await storeFiles();
  const challenge = challengeBlocks("pool", fragment, [0, 3, 1, 2, 3]);
  const proof = await prove(pool, [0, 3, 1, 2, 3]);
  assert.equal(podr2.check({ key, challenge, proof }), true);
  assert.equal(await pool.check({ verifierKey, ...challenge, proof }), true);
  const stale = { ...challenge, seed: hash("stale") };
  assert.equal(await pool.check({ verifierKey, ...stale, proof }), false);
});

test("a part of a buffer is copied, not taken", async () => {
  const whole = testBytes("whole", 200);
  const part = whole.subarray(0, 100);
  const tagged = await pool.tag({ secretKey, fragment, bytes: part });
  assert.equal(tagged.length, 48);
  assert.deepEqual(whole, testBytes("whole", 200));
});

test("a pool proves from blocks that are given to it", async () => {
  const challenge = challengeBlocks("given", fragment, [3, 0]);
  const samples = challenge.samples.map((sample) => {
    const start = sample.blockIndex * BLOCK_BYTES;
    const stored = {
      bytes: bytes.slice(start, start + BLOCK_BYTES),
      tag: tags.slice(sample.blockIndex * 48, (sample.blockIndex + 1) * 48),
    };
    return { ...sample, stored };
  });
  const proof = await pool.prove({ publicKey, seed: challenge.seed, samples });
  assert.equal(podr2.check({ key, challenge, proof }), true);
  samples[0]?.stored.bytes.fill(1, 0, 1);
  const forged = await pool.prove({ publicKey, seed: challenge.seed, samples });
  assert.equal(podr2.check({ key, challenge, proof: forged }), false);
});

test("missing and short files are told by their names", async () => {
  await storeFiles();
  await truncate(files.path, bytes.length - 1);
  await prove(pool, [0, 1]);
  const isShort = (path: string, blockIndex: number) => (error: unknown) => {
    assert(hasCode(error, "FRAGMENT_SHORT"));
    assert.deepEqual((error as { detail: object }).detail, {
      code: "FRAGMENT_SHORT",
      path,
      blockIndex,
    });
    return true;
  };
  await assert.rejects(prove(pool, [0, 3]), isShort(files.path, 3));
  await assert.rejects(prove(pool, [4]), isShort(files.path, 4));
  await storeFiles();
  await truncate(files.tagPath, 100);
  await assert.rejects(prove(pool, [2]), isShort(files.tagPath, 2));
  await rm(files.tagPath);
  const isMissing = (error: unknown) =>
    hasCode(error, "FRAGMENT_MISSING") && String(error).includes(files.tagPath);
  await assert.rejects(prove(pool, [0]), isMissing);
});

test("typed errors keep their types on the way between threads", async () => {
  const malformed = new Uint8Array(10);
  await assert.rejects(pool.tag({ secretKey: malformed, fragment, bytes: Uint8Array.of(1) }), (e) =>
    hasCode(e, "TAG_KEY_MALFORMED"),
  );
  await assert.rejects(pool.tag({ secretKey, fragment, bytes: new Uint8Array() }), (e) =>
    hasCode(e, "FRAGMENT_EMPTY"),
  );
});

test("more tasks than threads are all done, in any order", async () => {
  const many = Array.from({ length: 6 }, (_, column) =>
    pool.tag({ secretKey, fragment: { ...fragment, column }, bytes: bytes.slice(0, 1000) }),
  );
  const distinct = new Set((await Promise.all(many)).map((value) => value.toString()));
  assert.equal(distinct.size, 6);
});

async function storeFiles(): Promise<void> {
  await writeFile(files.path, bytes);
  await writeFile(files.tagPath, tags);
}

function prove(by: Podr2Pool, blockIndexes: readonly number[]): Promise<Uint8Array> {
  const { seed, samples } = challengeBlocks("pool", fragment, blockIndexes);
  return by.prove({
    publicKey,
    seed,
    samples: samples.map((sample) => ({ ...sample, stored: files })),
  });
}
