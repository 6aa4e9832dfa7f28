/**
 * Vectors of the AWS documentation, "Signature Calculations for the Authorization Header",
 * "Transferring Payload in Multiple Chunks" and "Authenticating Requests: Using Query Parameters"
 * (Amazon S3 API Reference), with its example credentials.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseQuery } from "../http/uri.ts";
import {
  canonicalRequestOf,
  chunkSignatureOf,
  EMPTY_SHA256,
  isSameSignature,
  signatureOf,
  signingKeyOf,
  stringToSignOf,
  trailerSignatureOf,
} from "./signature.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SCOPE = { date: "20130524", region: "us-east-1", service: "s3" };
const TIMESTAMP = "20130524T000000Z";
const HOST = "examplebucket.s3.amazonaws.com";
const KEY = signingKeyOf(SECRET, SCOPE);

function sign(input: {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash: string;
}): string {
  const canonical = canonicalRequestOf({
    ...input,
    query: parseQuery(input.query ?? ""),
    headers: new Map(Object.entries(input.headers)),
    signedHeaders: Object.keys(input.headers).sort(),
  });
  return signatureOf(KEY, stringToSignOf(canonical, TIMESTAMP, SCOPE));
}

test("vector AWS: GET object with a range", () => {
  const signature = sign({
    method: "GET",
    path: "/test.txt",
    headers: {
      host: HOST,
      range: "bytes=0-9",
      "x-amz-content-sha256": EMPTY_SHA256,
      "x-amz-date": TIMESTAMP,
    },
    payloadHash: EMPTY_SHA256,
  });
  assert.equal(signature, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
});

test("vector AWS: PUT object whose key is escaped", () => {
  const payloadHash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  assert.equal(createHash("sha256").update("Welcome to Amazon S3.").digest("hex"), payloadHash);
  const signature = sign({
    method: "PUT",
    path: "/test$file.text",
    headers: {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      host: HOST,
      "x-amz-content-sha256": payloadHash,
      "x-amz-date": TIMESTAMP,
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
    payloadHash,
  });
  assert.equal(signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
});

const BARE_HEADERS = {
  host: HOST,
  "x-amz-content-sha256": EMPTY_SHA256,
  "x-amz-date": TIMESTAMP,
};

test("vector AWS: GET bucket lifecycle, a parameter without value", () => {
  const signature = sign({
    method: "GET",
    path: "/",
    query: "lifecycle",
    headers: BARE_HEADERS,
    payloadHash: EMPTY_SHA256,
  });
  assert.equal(signature, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
});

test("vector AWS: list objects, parameters in another order", () => {
  const signature = sign({
    method: "GET",
    path: "/",
    query: "prefix=J&max-keys=2",
    headers: BARE_HEADERS,
    payloadHash: EMPTY_SHA256,
  });
  assert.equal(signature, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
});

test("vector AWS: presigned GET", () => {
  const signature = sign({
    method: "GET",
    path: "/test.txt",
    query:
      "X-Amz-Algorithm=AWS4-HMAC-SHA256" +
      "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host",
    headers: { host: HOST },
    payloadHash: "UNSIGNED-PAYLOAD",
  });
  assert.equal(signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
});

const SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

test("vector AWS: chunked upload, seed and three chunks", () => {
  const seedSignature = sign({
    method: "PUT",
    path: "/examplebucket/chunkObject.txt",
    headers: {
      "content-encoding": "aws-chunked",
      "content-length": "66824",
      host: "s3.amazonaws.com",
      "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "x-amz-date": TIMESTAMP,
      "x-amz-decoded-content-length": "66560",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
    payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  });
  assert.equal(seedSignature, SEED);
  const signer = { signingKey: KEY, timestamp: TIMESTAMP, scope: SCOPE, seedSignature };
  const hashOf = (count: number) => createHash("sha256").update("a".repeat(count)).digest("hex");
  const first = chunkSignatureOf(signer, seedSignature, hashOf(65_536));
  assert.equal(first, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  const second = chunkSignatureOf(signer, first, hashOf(1024));
  assert.equal(second, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  const last = chunkSignatureOf(signer, second, EMPTY_SHA256);
  assert.equal(last, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
});

test("vector AWS: chunked upload with a trailing checksum", () => {
  const seedSignature = sign({
    method: "PUT",
    path: "/examplebucket/chunkObject.txt",
    headers: {
      "content-encoding": "aws-chunked",
      host: "s3.amazonaws.com",
      "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      "x-amz-date": TIMESTAMP,
      "x-amz-decoded-content-length": "66560",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      "x-amz-trailer": "x-amz-checksum-crc32c",
    },
    payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
  });
  assert.equal(seedSignature, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  const signer = { signingKey: KEY, timestamp: TIMESTAMP, scope: SCOPE, seedSignature };
  const last = "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992";
  const trailer = trailerSignatureOf(signer, last, "x-amz-checksum-crc32c:sOO8/Q==\n");
  assert.equal(trailer, "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
});

test("signatures of another length or content differ", () => {
  assert(isSameSignature(SEED, SEED));
  assert(!isSameSignature(SEED, `${SEED.slice(0, -1)}b`));
  assert(!isSameSignature(SEED, ""));
});
