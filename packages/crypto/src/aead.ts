/**
 * Sealing of objects: the STREAM construction over AES-256-GCM, one chunk of 64 KiB at a time.
 *
 * A chunk that is missing, repeated, moved or cut off fails to open, and any chunk can be opened
 * on its own, so that ranges can be read.
 *
 * @see docs/spec/data-layout.md §1
 * @see https://eprint.iacr.org/2015/189 (Hoang, Reyhanitabar, Rogaway, Vizár: STREAM)
 * @module
 */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { CryptoError } from "./error.ts";

/** Bytes of the object in a chunk; only the last has fewer. */
export const CHUNK_BYTES: number = 64 * 1024;
export const TAG_BYTES: number = 16;
export const SEALED_CHUNK_BYTES: number = CHUNK_BYTES + TAG_BYTES;
export const DATA_KEY_BYTES: number = 32;

const ALGORITHM = "aes-256-gcm";
const CHUNKS_MAX = 2 ** 32;

/** Chunks of an object of `sizeBytes`; an empty object has one empty chunk. */
export function chunkCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / CHUNK_BYTES));
}

/** Bytes of an object of `sizeBytes` once it is sealed. */
export function sealedSizeBytes(sizeBytes: number): number {
  return sizeBytes + chunkCount(sizeBytes) * TAG_BYTES;
}

/**
 * A data key ready for use: make it once for all chunks of an object.
 *
 * PERF: given raw bytes, Node sets the key up anew for each chunk, which takes twice as long as
 * sealing it.
 */
export function createDataKey(bytes: Uint8Array): KeyObject {
  assert.equal(bytes.length, DATA_KEY_BYTES);
  return createSecretKey(bytes);
}

export interface ChunkPosition {
  readonly index: number;
  readonly isLast: boolean;
}

/** Seals one chunk: ciphertext of the same length, then the tag. */
export function sealChunk(
  key: KeyObject,
  position: ChunkPosition,
  chunk: Uint8Array,
): readonly [ciphertext: Uint8Array, tag: Uint8Array] {
  assert(chunk.length <= CHUNK_BYTES && (position.isLast || chunk.length === CHUNK_BYTES));
  const cipher = createCipheriv(ALGORITHM, key, chunkNonce(position));
  const ciphertext = cipher.update(chunk);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/**
 * Opens one sealed chunk.
 *
 * @throws {@link CryptoError} `CHUNK_FORGED` if key, position or any bit is another.
 */
export function openChunk(key: KeyObject, position: ChunkPosition, sealed: Uint8Array): Uint8Array {
  if (sealed.length < TAG_BYTES) {
    throw new CryptoError({ code: "CHUNK_FORGED", chunkIndex: position.index });
  }
  const tagOffset = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, chunkNonce(position));
  decipher.setAuthTag(sealed.subarray(tagOffset));
  const chunk = decipher.update(sealed.subarray(0, tagOffset));
  try {
    decipher.final();
  } catch (cause) {
    throw new CryptoError({ code: "CHUNK_FORGED", chunkIndex: position.index }, { cause });
  }
  return chunk;
}

/** Seals a whole object that is in memory. */
export function sealObject(key: KeyObject, object: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(sealedSizeBytes(object.length));
  const count = chunkCount(object.length);
  for (let index = 0; index < count; index += 1) {
    const chunk = object.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    const [ciphertext, tag] = sealChunk(key, { index, isLast: index === count - 1 }, chunk);
    sealed.set(ciphertext, index * SEALED_CHUNK_BYTES);
    sealed.set(tag, index * SEALED_CHUNK_BYTES + ciphertext.length);
  }
  return sealed;
}

/**
 * Seals a stream. Yields ciphertext and tags in the order in which they stand in the file.
 *
 * @param onEnd - Called with the size of the object, before the last bytes are yielded.
 */
export async function* sealStream(
  key: KeyObject,
  body: AsyncIterable<Uint8Array>,
  onEnd: (sizeBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const pending = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let index = 0;
  for await (const piece of body) {
    let offset = 0;
    while (offset < piece.length) {
      // A full chunk is sealed only when more follows: the last one is marked as such.
      if (filled === CHUNK_BYTES) {
        yield* sealChunk(key, { index, isLast: false }, pending);
        index += 1;
        filled = 0;
      }
      if (filled === 0 && piece.length - offset > CHUNK_BYTES) {
        const chunk = piece.subarray(offset, offset + CHUNK_BYTES);
        yield* sealChunk(key, { index, isLast: false }, chunk);
        index += 1;
        offset += CHUNK_BYTES;
        continue;
      }
      const taken = Math.min(CHUNK_BYTES - filled, piece.length - offset);
      pending.set(piece.subarray(offset, offset + taken), filled);
      filled += taken;
      offset += taken;
    }
  }
  onEnd(index * CHUNK_BYTES + filled);
  yield* sealChunk(key, { index, isLast: true }, pending.subarray(0, filled));
}

function chunkNonce({ index, isLast }: ChunkPosition): Uint8Array {
  assert(Number.isInteger(index) && index >= 0 && index < CHUNKS_MAX);
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
