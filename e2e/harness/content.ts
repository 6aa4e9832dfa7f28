/**
 * Bytes to store: as incompressible as random ones, but the same for the same seed, so that what
 * comes back can be checked without keeping what was sent.
 * @module
 */
import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

export const KIB: number = 1024;
export const MIB: number = 1024 * KIB;
export const GIB: number = 1024 * MIB;

/** The keystream of AES-256-CTR under a key made from `seed`. */
export function* content(seed: string, sizeBytes: number, pieceBytes = MIB): Generator<Buffer> {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(pieceBytes, sizeBytes));
  for (let left = sizeBytes; left > 0; left -= pieceBytes) {
    yield cipher.update(zeros.subarray(0, Math.min(left, pieceBytes)));
  }
}

export function contentBytes(seed: string, sizeBytes: number): Buffer {
  return Buffer.concat([...content(seed, sizeBytes)]);
}

export function contentHash(seed: string, sizeBytes: number): string {
  const hash = createHash("sha256");
  for (const piece of content(seed, sizeBytes)) hash.update(piece);
  return hash.digest("hex");
}

export async function hashOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

export async function hashOfFile(path: string): Promise<string> {
  return hashOf(createReadStream(path, { highWaterMark: MIB }));
}

export async function writeContentFile(
  path: string,
  seed: string,
  sizeBytes: number,
): Promise<void> {
  await using file = await open(path, "w");
  for (const piece of content(seed, sizeBytes)) await file.write(piece);
}
