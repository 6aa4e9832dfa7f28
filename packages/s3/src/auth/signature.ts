/**
 * AWS Signature Version 4 as pure functions.
 *
 * Header values reach us as Latin-1 strings, one character a byte, so the canonical request is
 * hashed as Latin-1: the bytes are those that the client sent.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { HeaderMap } from "../http/headers.ts";
import { encodeURIPath, encodeURIStrict, type QueryParameter } from "../http/uri.ts";

export const ALGORITHM = "AWS4-HMAC-SHA256";
/** SHA-256 of nothing, in hex. */
export const EMPTY_SHA256: string = sha256Hex("");

export interface CredentialScope {
  /** Day as `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface CanonicalInput {
  readonly method: string;
  readonly path: string;
  readonly query: readonly QueryParameter[];
  readonly headers: HeaderMap;
  readonly signedHeaders: readonly string[];
  /** Hex hash, or one of the keywords that stand for it. */
  readonly payloadHash: string;
}

/** The request in the one form that both sides sign. */
export function canonicalRequestOf(input: CanonicalInput): string {
  const query = input.query
    .map(({ name, value }) => [encodeURIStrict(name), encodeURIStrict(value)] as const)
    .sort(([leftName, leftValue], [rightName, rightValue]) =>
      leftName === rightName ? order(leftValue, rightValue) : order(leftName, rightName),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const headers = input.signedHeaders.map((name) => {
    const value = (input.headers.get(name) ?? "").trim().replace(/ {2,}/g, " ");
    return `${name}:${value}\n`;
  });
  return [
    input.method,
    encodeURIPath(input.path),
    query,
    headers.join(""),
    input.signedHeaders.join(";"),
    input.payloadHash,
  ].join("\n");
}

/** @param timestamp - As in `x-amz-date`: `yyyymmddThhmmssZ`. */
export function stringToSignOf(
  canonicalRequest: string,
  timestamp: string,
  scope: CredentialScope,
): string {
  return [ALGORITHM, timestamp, scopeText(scope), sha256Hex(canonicalRequest)].join("\n");
}

export function scopeText({ date, region, service }: CredentialScope): string {
  return `${date}/${region}/${service}/aws4_request`;
}

/** Key that signs everything of one day, region and service. */
export function signingKeyOf(secretAccessKey: string, scope: CredentialScope): Uint8Array {
  const steps = [scope.date, scope.region, scope.service, "aws4_request"];
  return steps.reduce<Uint8Array>(
    (key, step) => createHmac("sha256", key).update(step).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

export function signatureOf(signingKey: Uint8Array, stringToSign: string): string {
  return createHmac("sha256", signingKey).update(stringToSign, "latin1").digest("hex");
}

/** Compares in a time that does not depend on where the two differ. */
export function isSameSignature(expected: string, given: string): boolean {
  const left = Buffer.from(expected);
  const right = Buffer.from(given);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** What every chunk of one upload is signed over besides its own bytes. */
export interface ChunkSigner {
  readonly signingKey: Uint8Array;
  readonly timestamp: string;
  readonly scope: CredentialScope;
  /** Signature of the request: the first chunk is chained to it. */
  readonly seedSignature: string;
}

/** @param chunkSHA256 - Hex hash of the chunk's bytes. */
export function chunkSignatureOf(
  signer: ChunkSigner,
  previousSignature: string,
  chunkSHA256: string,
): string {
  const text = [
    `${ALGORITHM}-PAYLOAD`,
    signer.timestamp,
    scopeText(signer.scope),
    previousSignature,
    EMPTY_SHA256,
    chunkSHA256,
  ];
  return signatureOf(signer.signingKey, text.join("\n"));
}

/** @param trailer - The trailing fields as `name:value\n` each. */
export function trailerSignatureOf(
  signer: ChunkSigner,
  previousSignature: string,
  trailer: string,
): string {
  const text = [
    "AWS4-HMAC-SHA256-TRAILER",
    signer.timestamp,
    scopeText(signer.scope),
    previousSignature,
    sha256Hex(trailer),
  ];
  return signatureOf(signer.signingKey, text.join("\n"));
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
