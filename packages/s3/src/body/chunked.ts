/**
 * Decodes `aws-chunked` bodies: each chunk says its size and may be signed; checksums may trail.
 *
 * Bytes are passed on before their chunk's signature is checked, so that chunks need not be held
 * whole; a wrong signature then fails the body before it ends, and nothing of it is kept.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * @module
 */
import { createHash } from "node:crypto";
import {
  type ChunkSigner,
  chunkSignatureOf,
  EMPTY_SHA256,
  isSameSignature,
  trailerSignatureOf,
} from "../auth/signature.ts";
import { s3Error } from "../error.ts";
import { ByteReader } from "./byte-reader.ts";

export interface ChunkedOptions {
  /** Undefined if the chunks are not signed. */
  readonly signer: ChunkSigner | undefined;
  readonly hasTrailer: boolean;
  /** Takes the trailing headers, by lower-case name, before the stream ends. */
  readonly onTrailer: (name: string, value: string) => void;
}

const LINE_BYTES_MAX = 1024;
const TRAILERS_MAX = 8;
const SIZE_DIGITS_MAX = 12;
const TRAILER_SIGNATURE = "x-amz-trailer-signature";

/**
 * Yields the bytes within the chunks.
 *
 * @throws S3Error `IncompleteBody`, `MalformedTrailerError`, `SignatureDoesNotMatch`
 */
export async function* decodeChunked(
  source: AsyncIterable<Uint8Array>,
  options: ChunkedOptions,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  let signature = options.signer?.seedSignature ?? "";
  try {
    for (;;) {
      const header = parseChunkHeader(await reader.line(LINE_BYTES_MAX));
      const hash = options.signer === undefined ? undefined : createHash("sha256");
      for (let left = header.sizeBytes; left > 0; ) {
        const piece = await reader.take(left);
        if (piece.length === 0) throw s3Error("IncompleteBody");
        left -= piece.length;
        hash?.update(piece);
        yield piece;
      }
      const isLast = header.sizeBytes === 0;
      if (options.signer !== undefined) {
        const digest = hash === undefined || isLast ? EMPTY_SHA256 : hash.digest("hex");
        signature = chunkSignatureOf(options.signer, signature, digest);
        assertSameSignature(signature, header.signature);
      }
      if (isLast) break;
      if ((await reader.line(0)) !== "") throw s3Error("IncompleteBody");
    }
    await readTrailer(reader, signature, options);
  } finally {
    await reader.close();
  }
}

interface ChunkHeader {
  readonly sizeBytes: number;
  readonly signature: string | undefined;
}

function parseChunkHeader(line: string | undefined): ChunkHeader {
  if (line === undefined) throw s3Error("IncompleteBody");
  const [size = "", ...extensions] = line.split(";");
  const isSize = /^[0-9a-fA-F]+$/.test(size) && size.length <= SIZE_DIGITS_MAX;
  if (!isSize) throw s3Error("MalformedTrailerError");
  const signature = extensions.find((text) => text.startsWith("chunk-signature="));
  return { sizeBytes: Number.parseInt(size, 16), signature: signature?.split("=")[1] };
}

async function readTrailer(
  reader: ByteReader,
  lastSignature: string,
  { signer, hasTrailer, onTrailer }: ChunkedOptions,
): Promise<void> {
  const fields: (readonly [name: string, value: string])[] = [];
  let given: string | undefined;
  for (let count = 0; ; count += 1) {
    const line = await reader.line(LINE_BYTES_MAX);
    if (line === undefined || count > TRAILERS_MAX) throw s3Error("MalformedTrailerError");
    if (line === "") break;
    const at = line.indexOf(":");
    if (at < 1 || !hasTrailer) throw s3Error("MalformedTrailerError");
    const name = line.slice(0, at).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    if (name === TRAILER_SIGNATURE) given = value;
    else fields.push([name, value]);
  }
  if (signer !== undefined && hasTrailer) {
    const text = fields.map(([name, value]) => `${name}:${value}\n`).join("");
    assertSameSignature(trailerSignatureOf(signer, lastSignature, text), given);
  }
  for (const [name, value] of fields) onTrailer(name, value);
}

function assertSameSignature(expected: string, given: string | undefined): void {
  if (!isSameSignature(expected, given ?? "")) throw s3Error("SignatureDoesNotMatch");
}
