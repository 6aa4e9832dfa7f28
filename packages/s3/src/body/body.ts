/**
 * The body of a request: decoded, measured, hashed and checked while it streams through.
 * @module
 */
import { createHash } from "node:crypto";
import { concatBytes, equalBytes } from "@cess/std/bytes";
import type { Payload } from "../auth/payload.ts";
import { isSameSignature } from "../auth/signature.ts";
import { S3Error, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumHeader,
  createHasher,
  type Hasher,
} from "./checksum.ts";
import { decodeChunked } from "./chunked.ts";
import { assertChecksumValue, type ExpectedBody, readExpectedBody } from "./expected.ts";

export interface BodyDigest {
  readonly sizeBytes: number;
  readonly md5: Uint8Array;
  /** What the client sent and we verified. */
  readonly checksum: Checksum | undefined;
}

export interface RequestBody {
  /** Size as announced; undefined if the client does not say. */
  readonly sizeBytes: number | undefined;
  readonly expected: ExpectedBody;
  /** Bytes to keep. Ends with an S3Error if the body is not what was announced and signed. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Why `bytes` ended early: whoever consumed it may have wrapped the error. */
  readonly failure: unknown;
  /** What was read; only once `bytes` has ended well. */
  digest(): BodyDigest;
}

export interface BodyInput {
  readonly headers: HeaderMap;
  readonly payload: Payload;
  /** The body as it comes from the connection. */
  readonly source: AsyncIterable<Uint8Array>;
  readonly sizeBytesMax: number;
  /** Checksum to make if the headers bring none. */
  readonly compute?: ChecksumAlgorithm | undefined;
}

/**
 * Prepares a body. Nothing is read before `bytes` is iterated.
 *
 * @throws S3Error `MissingContentLength`, `EntityTooLarge`, `InvalidDigest`, `InvalidRequest`
 */
export function openBody(input: BodyInput): RequestBody {
  const sizeBytes = announcedSize(input.headers, input.payload);
  if (sizeBytes !== undefined && sizeBytes > input.sizeBytesMax) throw tooLarge(input.sizeBytesMax);
  return new VerifiedBody(input, sizeBytes);
}

/**
 * Reads a whole body, of at most the size that it was opened with.
 *
 * @throws S3Error as `bytes` does.
 */
export async function collectBody(body: RequestBody): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body.bytes) pieces.push(piece);
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : concatBytes(...pieces);
}

class VerifiedBody implements RequestBody {
  readonly sizeBytes: number | undefined;
  readonly expected: ExpectedBody;
  failure: unknown;
  readonly #input: BodyInput;
  readonly #md5 = createHash("md5");
  readonly #trailers = new Map<string, string>();
  #digest: BodyDigest | undefined;

  constructor(input: BodyInput, sizeBytes: number | undefined) {
    this.#input = input;
    this.sizeBytes = sizeBytes;
    const expected = readExpectedBody(input.headers);
    const computed = input.compute && { algorithm: input.compute, value: undefined };
    this.expected = { ...expected, checksum: expected.checksum ?? computed };
  }

  get bytes(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  digest(): BodyDigest {
    if (this.#digest === undefined) throw s3Error("IncompleteBody");
    return this.#digest;
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const { payload, sizeBytesMax } = this.#input;
    const sha256 = payload.kind === "hashed" ? createHash("sha256") : undefined;
    const { checksum } = this.expected;
    const hasher = checksum === undefined ? undefined : createHasher(checksum.algorithm);
    let countBytes = 0;
    try {
      for await (const piece of this.#decoded()) {
        countBytes += piece.length;
        if (countBytes > (this.sizeBytes ?? sizeBytesMax)) throw this.#tooLong();
        this.#md5.update(piece);
        sha256?.update(piece);
        hasher?.update(piece);
        yield piece;
      }
      if (this.sizeBytes !== undefined && countBytes < this.sizeBytes) {
        throw s3Error("IncompleteBody");
      }
      await this.#verify(countBytes, sha256?.digest("hex"), hasher);
    } catch (cause) {
      this.failure = cause instanceof S3Error ? cause : connectionLost(cause);
      throw this.failure;
    }
  }

  #decoded(): AsyncIterable<Uint8Array> {
    const { payload, source } = this.#input;
    if (payload.kind !== "chunked") return source;
    const { signer, hasTrailer } = payload;
    const onTrailer = (name: string, value: string) => this.#trailers.set(name, value);
    return decodeChunked(source, { signer, hasTrailer, onTrailer });
  }

  #tooLong(): S3Error {
    if (this.sizeBytes !== undefined) return s3Error("IncompleteBody");
    return tooLarge(this.#input.sizeBytesMax);
  }

  async #verify(
    sizeBytes: number,
    sha256Hex: string | undefined,
    hasher: Hasher | undefined,
  ): Promise<void> {
    const { payload } = this.#input;
    if (payload.kind === "hashed" && !isSameSignature(payload.sha256Hex, sha256Hex ?? "")) {
      throw s3Error("XAmzContentSHA256Mismatch");
    }
    const md5 = this.#md5.digest();
    if (this.expected.md5 !== undefined && !equalBytes(this.expected.md5, md5)) {
      throw s3Error("BadDigest");
    }
    const checksum = hasher === undefined ? undefined : await this.#verifyChecksum(hasher);
    this.#digest = { sizeBytes, md5, checksum };
  }

  async #verifyChecksum(hasher: Hasher): Promise<Checksum | undefined> {
    const { checksum } = this.expected;
    if (checksum === undefined) return undefined;
    const { algorithm } = checksum;
    const value = Buffer.from(await hasher.digest()).toString("base64");
    if (algorithm === this.#input.compute) return { algorithm, type: "FULL_OBJECT", value };
    const given = checksum.value ?? this.#trailers.get(checksumHeader(algorithm));
    if (given === undefined) throw s3Error("MalformedTrailerError", "The checksum did not trail.");
    assertChecksumValue(algorithm, given);
    if (value === given) return { algorithm, type: "FULL_OBJECT", value };
    throw s3Error("BadDigest", `The ${algorithm} you specified did not match what was received.`);
  }
}

function announcedSize(headers: HeaderMap, payload: Payload): number | undefined {
  const isHTTPChunked = headers.get("transfer-encoding") !== undefined;
  const decoded = headers.get("x-amz-decoded-content-length");
  if (payload.kind === "chunked") return parseSize(decoded);
  const length = headers.get("content-length");
  if (length === undefined && isHTTPChunked) return undefined;
  return parseSize(length);
}

function parseSize(text: string | undefined): number {
  if (text === undefined) throw s3Error("MissingContentLength");
  if (!/^\d{1,15}$/.test(text)) throw s3Error("InvalidArgument", "Content length is not a number.");
  return Number(text);
}

function tooLarge(sizeBytesMax: number): S3Error {
  const fields = { MaxSizeAllowed: String(sizeBytesMax) };
  return new S3Error({ code: "EntityTooLarge", fields });
}

/** The connection ended, or was ended by us, before the body did. */
function connectionLost(cause: unknown): S3Error {
  return new S3Error({ code: "IncompleteBody" }, undefined, { cause });
}
