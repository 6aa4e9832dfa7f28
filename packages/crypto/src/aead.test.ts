import assert from "node:assert/strict";
import { createHash, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { bytesToHex, concatBytes } from "@cess/std/bytes";
import fc from "fast-check";
import {
  CHUNK_BYTES,
  chunkCount,
  createDataKey,
  openChunk,
  SEALED_CHUNK_BYTES,
  sealedSizeBytes,
  sealObject,
  sealStream,
} from "./aead.ts";
import { CryptoError } from "./error.ts";

const KEY = createDataKey(new Uint8Array(32).fill(7));

function openObject(key: KeyObject, sealed: Uint8Array): Uint8Array {
  const count = Math.ceil(sealed.length / SEALED_CHUNK_BYTES);
  const chunks = Array.from({ length: count }, (_, index) =>
    openChunk(
      key,
      { index, isLast: index === count - 1 },
      sealed.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES),
    ),
  );
  return concatBytes(...chunks);
}

function sample(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function sealed(key: KeyObject, pieces: readonly Uint8Array[]) {
  let sizeBytes = -1;
  const body = async function* () {
    yield* pieces;
  };
  const parts: Uint8Array[] = [];
  for await (const part of sealStream(key, body(), (size) => (sizeBytes = size))) parts.push(part);
  return { bytes: concatBytes(...parts), sizeBytes };
}

test("property: any chunking of a stream seals to the same bytes, and they open again", async () => {
  const sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES];
  const cuts = fc.array(fc.nat(3 * CHUNK_BYTES), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sizes), cuts, async (sizeBytes, at) => {
      const object = sample(sizeBytes);
      const edges = [0, ...at.filter((cut) => cut <= sizeBytes).sort((a, b) => a - b), sizeBytes];
      const pieces = edges.slice(1).map((edge, index) => object.subarray(edges[index], edge));
      const stream = await sealed(KEY, pieces);
      assert.equal(stream.sizeBytes, sizeBytes);
      assert.equal(stream.bytes.length, sealedSizeBytes(sizeBytes));
      assert.deepEqual(stream.bytes, sealObject(KEY, object));
      assert.deepEqual(openObject(KEY, stream.bytes), object);
    }),
    { numRuns: 40 },
  );
});

test("vector: sealed bytes are pinned", () => {
  const digest = (sizeBytes: number) =>
    createHash("sha256")
      .update(sealObject(KEY, sample(sizeBytes)))
      .digest("hex");
  assert.equal(
    bytesToHex(sealObject(KEY, new Uint8Array(0))),
    "0x7049470ab6b7fc76f592920b1365a71d",
  );
  assert.equal(
    digest(CHUNK_BYTES + 100),
    "ae1a261ec1afdabb6ee8dc1235055070e1d2930cee862da859797caed5b63ed1",
  );
});

const attacks: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  "a flipped bit of the ciphertext": (bytes) => flip(bytes, 5),
  "a flipped bit of a tag": (bytes) => flip(bytes, SEALED_CHUNK_BYTES - 1),
  "two chunks in each other's place": (bytes) =>
    concatBytes(
      bytes.subarray(SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES),
      bytes.subarray(0, SEALED_CHUNK_BYTES),
      bytes.subarray(2 * SEALED_CHUNK_BYTES),
    ),
  "the last chunk cut off": (bytes) => bytes.subarray(0, 2 * SEALED_CHUNK_BYTES),
  "a chunk left out": (bytes) => bytes.subarray(SEALED_CHUNK_BYTES),
  "a chunk repeated": (bytes) => concatBytes(bytes.subarray(0, SEALED_CHUNK_BYTES), bytes),
};

for (const [name, attack] of Object.entries(attacks)) {
  test(`attack: ${name} does not open`, () => {
    const bytes = sealObject(KEY, sample(2 * CHUNK_BYTES + 9));
    assert.throws(() => openObject(KEY, attack(bytes)), CryptoError);
  });
}

test("attack: another key opens nothing", () => {
  const bytes = sealObject(KEY, sample(10));
  assert.throws(() => openObject(createDataKey(new Uint8Array(32)), bytes), CryptoError);
  assert.equal(chunkCount(0), 1);
});

function flip(bytes: Uint8Array, index: number): Uint8Array {
  const changed = bytes.slice();
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}
