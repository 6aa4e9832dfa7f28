/** Every kind of bad request: it is refused by name, and changes nothing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import fc from "fast-check";
import { chunkSignatureOf, EMPTY_SHA256, trailerSignatureOf } from "./auth/signature.ts";
import {
  type RawRequest,
  sendBytes,
  sendRaw,
  sendUnsigned,
  signRaw,
} from "./testing/raw-client.ts";
import { createClient, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

let setup: TestGateway;
let wallOffsetMs = 0;
before(async () => {
  setup = await startTestGateway({ wallOffsetMs: () => wallOffsetMs });
  await setup.client.send(new CreateBucketCommand({ Bucket: "bucket" }));
});
after(() => setup[Symbol.asyncDispose]());

const PUT: RawRequest = { method: "PUT", path: "/bucket/never", body: "some bytes" };

async function assertRefused(
  answer: Promise<{ readonly status: number; readonly code: string | undefined }>,
  status: number,
  code: string,
): Promise<void> {
  const { status: gotStatus, code: gotCode } = await answer;
  assert.deepEqual([gotStatus, gotCode], [status, code]);
  const listing = await setup.client.send(new ListObjectsV2Command({ Bucket: "bucket" }));
  assert.equal(listing.KeyCount, 0, "a refused request left something behind");
}

function send(raw: Partial<RawRequest>) {
  return sendRaw(setup.endpoint, setup.credential, { ...PUT, ...raw });
}

test("a wrong secret is refused", async () => {
  const forged = { ...setup.credential, secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE" };
  await assertRefused(sendRaw(setup.endpoint, forged, PUT), 403, "SignatureDoesNotMatch");
});

test("an unknown access key is refused", async () => {
  const unknown = { ...setup.credential, accessKeyId: "CESSNOBODY" };
  await assertRefused(sendRaw(setup.endpoint, unknown, PUT), 403, "InvalidAccessKeyId");
});

test("a signature does not hold for another method, path, query, or header", async () => {
  const { headers } = signRaw(setup.endpoint, setup.credential, PUT);
  const replays: readonly Partial<RawRequest>[] = [
    { method: "POST", query: "uploads" },
    { path: "/bucket/other" },
    { query: "tagging" },
    { headers: { ...headers, host: "elsewhere" } },
  ];
  for (const replay of replays) {
    const answer = sendUnsigned(setup.endpoint, { ...PUT, headers, ...replay });
    await assertRefused(answer, 403, "SignatureDoesNotMatch");
  }
});

test("a header with effect that was added on the way is refused", async () => {
  const unsignedHeaders = { "x-amz-tagging": "a=b" };
  await assertRefused(send({ unsignedHeaders }), 403, "AccessDenied");
});

test("a clock that is 16 minutes off is refused, either way", async () => {
  for (const offsetMs of [-16 * 60_000, 16 * 60_000]) {
    const timeMs = Date.now() + offsetMs;
    await assertRefused(send({ timeMs }), 403, "RequestTimeTooSkewed");
  }
});

test("another region is refused, and the right one named", async () => {
  const answer = await send({ region: "mars-north-1" });
  assert.equal(answer.code, "AuthorizationHeaderMalformed");
  assert.match(answer.text, /<Region>eu-central-1<\/Region>/);
});

test("a request without a signature, or with an old one, is refused", async () => {
  await assertRefused(sendUnsigned(setup.endpoint, PUT), 403, "AccessDenied");
  const headers = { authorization: "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=" };
  await assertRefused(sendUnsigned(setup.endpoint, { ...PUT, headers }), 400, "InvalidRequest");
});

test("malformed Authorization headers are refused", async () => {
  const { headers } = signRaw(setup.endpoint, setup.credential, PUT);
  const authorization = headers["authorization"] ?? "";
  const broken = [
    authorization.replace("Credential=", "Credentials="),
    authorization.replace("/s3/", "/ec2/"),
    authorization.replace("aws4_request", "aws5_request"),
    authorization.replace(/SignedHeaders=host;/, "SignedHeaders="),
  ];
  for (const value of broken) {
    const raw = { ...PUT, headers: { ...headers, authorization: value } };
    await assertRefused(sendUnsigned(setup.endpoint, raw), 400, "AuthorizationHeaderMalformed");
  }
});

test("a presigned URL ends when it says, and only its own request is allowed", async () => {
  const command = new GetObjectCommand({ Bucket: "bucket", Key: "missing" });
  const url = new URL(await getSignedUrl(setup.client, command, { expiresIn: 60 }));
  const raw = { method: "GET", path: url.pathname, query: url.search.slice(1) };
  await assertRefused(sendUnsigned(setup.endpoint, raw), 404, "NoSuchKey");
  const other = { ...raw, path: "/bucket/another" };
  await assertRefused(sendUnsigned(setup.endpoint, other), 403, "SignatureDoesNotMatch");
  const longer = { ...raw, query: raw.query.replace("X-Amz-Expires=60", "X-Amz-Expires=604800") };
  await assertRefused(sendUnsigned(setup.endpoint, longer), 403, "SignatureDoesNotMatch");
  const endless = { ...raw, query: raw.query.replace("X-Amz-Expires=60", "X-Amz-Expires=604801") };
  const malformed = "AuthorizationQueryParametersError";
  await assertRefused(sendUnsigned(setup.endpoint, endless), 400, malformed);
  wallOffsetMs = 61_000;
  try {
    const answer = await sendUnsigned(setup.endpoint, raw);
    assert.deepEqual([answer.status, answer.code], [403, "AccessDenied"]);
    assert.match(answer.text, /Request has expired/);
  } finally {
    wallOffsetMs = 0;
  }
});

test("a body that is not the signed one is refused", async () => {
  const payloadHash = createHash("sha256").update("other bytes").digest("hex");
  await assertRefused(send({ payloadHash }), 400, "XAmzContentSHA256Mismatch");
});

test("a wrong Content-MD5 or checksum is refused, and a malformed one named", async () => {
  const md5 = createHash("md5").update("other").digest("base64");
  await assertRefused(send({ headers: { "content-md5": md5 } }), 400, "BadDigest");
  await assertRefused(send({ headers: { "content-md5": "no" } }), 400, "InvalidDigest");
  const wrong = { "x-amz-checksum-crc32": "AAAAAA==" };
  await assertRefused(send({ headers: wrong }), 400, "BadDigest");
  const malformed = { "x-amz-checksum-sha256": "AAAAAA==" };
  await assertRefused(send({ headers: malformed }), 400, "InvalidRequest");
  const two = { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA==" };
  await assertRefused(send({ headers: two }), 400, "InvalidRequest");
});

test("a body that breaks off is refused", async () => {
  for (const sizeBytes of [100, 2 * 1024 * 1024]) {
    const raw = { ...PUT, payloadHash: "UNSIGNED-PAYLOAD" };
    const { headers } = signRaw(setup.endpoint, setup.credential, raw);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `PUT /bucket/never HTTP/1.1\r\n${lines.join("")}content-length: ${sizeBytes}\r\n\r\n`;
    const text = await sendBytes(setup.endpoint, `${head}short`);
    const status = Number(text.slice(9, 12));
    const code = /<Code>(\w+)</.exec(text)?.[1];
    await assertRefused(Promise.resolve({ status, code }), 400, "IncompleteBody");
  }
});

test("an upload without a length, or with too much of it, is refused", async () => {
  const { headers } = signRaw(setup.endpoint, setup.credential, { ...PUT, body: "" });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `PUT /bucket/never HTTP/1.1\r\n${lines.join("")}connection: close\r\n\r\n`;
  assert.match(await sendBytes(setup.endpoint, request), /411 .*<Code>MissingContentLength</s);
  const tooLong = { "content-length": String(5 * 2 ** 30 + 1), expect: "100-continue" };
  await assertRefused(send({ headers: tooLong, body: "" }), 400, "EntityTooLarge");
});

const CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/** A chunked PUT of "hello" in one chunk, whose signatures `tamper` may change. */
function sendChunked(tamper: {
  readonly data?: string;
  readonly signature?: (right: string) => string;
  readonly last?: (right: string) => string;
  readonly trailer?: string;
}) {
  const withTrailer = tamper.trailer !== undefined;
  const raw: RawRequest = {
    ...PUT,
    payloadHash: withTrailer ? `${CHUNKED}-TRAILER` : CHUNKED,
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-decoded-content-length": "5",
      ...(withTrailer ? { "x-amz-trailer": "x-amz-checksum-crc32" } : {}),
    },
  };
  const { headers, signer } = signRaw(setup.endpoint, setup.credential, raw);
  const hash = createHash("sha256").update("hello").digest("hex");
  const first = chunkSignatureOf(signer, signer.seedSignature, hash);
  const last = chunkSignatureOf(signer, first, EMPTY_SHA256);
  const same = (text: string) => text;
  const trailer = "x-amz-checksum-crc32:NhCmhg==\n";
  const trailerSignature = trailerSignatureOf(signer, last, trailer);
  const trailerLines = withTrailer
    ? `${tamper.trailer || trailer.trim()}\r\nx-amz-trailer-signature:${trailerSignature}\r\n`
    : "";
  const body =
    `5;chunk-signature=${(tamper.signature ?? same)(first)}\r\n${tamper.data ?? "hello"}\r\n` +
    `0;chunk-signature=${(tamper.last ?? same)(last)}\r\n${trailerLines}\r\n`;
  return sendUnsigned(setup.endpoint, { ...raw, headers, body });
}

test("signed chunks: a changed byte, chunk signature, or end is refused", async () => {
  const flip = (text: string) => (text.startsWith("0") ? `1${text.slice(1)}` : `0${text.slice(1)}`);
  const mismatch = "SignatureDoesNotMatch";
  await assertRefused(sendChunked({ data: "hellO" }), 403, mismatch);
  await assertRefused(sendChunked({ signature: flip }), 403, mismatch);
  await assertRefused(sendChunked({ last: flip }), 403, mismatch);
  await assertRefused(sendChunked({ signature: () => "" }), 403, mismatch);
});

test("signed chunks: a changed trailer is refused", async () => {
  const trailer = "x-amz-checksum-crc32:AAAAAA==";
  await assertRefused(sendChunked({ trailer }), 403, "SignatureDoesNotMatch");
});

test("signed chunks as they should be are stored", async () => {
  for (const trailer of [undefined, ""]) {
    const answer = await sendChunked(trailer === undefined ? {} : { trailer });
    assert.equal(answer.status, 200, answer.text);
    const got = await send({ method: "GET", body: "" });
    assert.equal(got.text, "hello");
    await send({ method: "DELETE", body: "" });
  }
});

test("chunks that end early, or are not framed, are refused", async () => {
  const bodies = [
    ["5\r\nhel", "IncompleteBody"],
    ["5\r\nhello\r\n0\r\n", "MalformedTrailerError"],
    ["5\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"],
    ["zz\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"],
    ["4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "IncompleteBody"],
    ["6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "IncompleteBody"],
    ["5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"],
  ] as const;
  for (const [body, code] of bodies) {
    const headers = {
      "x-amz-decoded-content-length": "5",
      "x-amz-trailer": "x-amz-checksum-crc32",
    };
    const payloadHash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    await assertRefused(send({ headers, body, payloadHash }), 400, code);
  }
});

test("a missing bucket, key, or upload is named", async () => {
  await assertRefused(send({ path: "/missing-bucket/key" }), 404, "NoSuchBucket");
  const get = { method: "GET", body: "" };
  await assertRefused(send({ ...get, path: "/bucket/missing" }), 404, "NoSuchKey");
  await assertRefused(send({ query: "partNumber=1&uploadId=00" }), 404, "NoSuchUpload");
});

test("a bucket of somebody else is closed", async () => {
  const account = `0x${"c3".repeat(20)}` as const;
  const territory = `0x${"d4".repeat(32)}` as const;
  const other = await setup.gateway.credentials.createCredential({ account, territory });
  const get = { method: "GET", path: "/bucket" };
  await assertRefused(sendRaw(setup.endpoint, other, PUT), 403, "AccessDenied");
  await assertRefused(sendRaw(setup.endpoint, other, get), 403, "AccessDenied");
  const copy = { ...PUT, body: "", headers: { "x-amz-copy-source": "/bucket/any" } };
  const mine = createClient(setup.endpoint, other);
  await mine.send(new CreateBucketCommand({ Bucket: "of-another" }));
  const intoMine = { ...copy, path: "/of-another/any" };
  await assertRefused(sendRaw(setup.endpoint, other, intoMine), 403, "AccessDenied");
  mine.destroy();
});

test("malformed and oversized documents are refused", async () => {
  const post = { method: "POST", path: "/bucket", query: "delete" };
  const md5 = (body: string) => createHash("md5").update(body).digest("base64");
  const sendDocument = (body: string) =>
    send({ ...post, body, headers: { "content-md5": md5(body) } });
  const entity =
    '<!DOCTYPE d [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>';
  const many = `<Delete>${"<Object><Key>k</Key></Object>".repeat(1001)}</Delete>`;
  for (const body of ["<Delete>", "<Other/>", "", "<Delete></Delete>", entity, many]) {
    await assertRefused(sendDocument(body), 400, "MalformedXML");
  }
  const huge = `<Delete>${" ".repeat(2 * 1024 * 1024)}</Delete>`;
  await assertRefused(sendDocument(huge), 400, "EntityTooLarge");
});

test("oversized headers, metadata and keys are refused", async () => {
  const header = (sizeBytes: number) => ({ "x-amz-meta-a": "a".repeat(sizeBytes) });
  await assertRefused(send({ headers: header(2048) }), 400, "MetadataTooLarge");
  await assertRefused(send({ headers: header(9000) }), 400, "RequestHeaderSectionTooLarge");
  await assertRefused(send({ headers: header(40_000) }), 400, "RequestHeaderSectionTooLarge");
  await assertRefused(send({ path: `/bucket/${"k".repeat(1025)}` }), 400, "KeyTooLongError");
});

test("bytes that are not HTTP are refused", async () => {
  assert.match(await sendBytes(setup.endpoint, "\x16\x03\x01 hello\r\n\r\n"), /^HTTP\/1.1 400/);
});

test("what is not implemented says so", async () => {
  const get = { method: "GET", body: "", path: "/bucket" };
  for (const query of ["policy", "lifecycle", "object-lock", "encryption", "website"]) {
    await assertRefused(send({ ...get, query }), 501, "NotImplemented");
  }
  const features = [
    { "x-amz-acl": "public-read" },
    { "x-amz-server-side-encryption": "aws:kms" },
    { "x-amz-object-lock-mode": "GOVERNANCE" },
    { "x-amz-grant-read": "id=1" },
  ];
  for (const headers of features) {
    await assertRefused(
      send({ headers: Object.fromEntries(Object.entries(headers)) }),
      501,
      "NotImplemented",
    );
  }
  await assertRefused(send({ method: "PATCH" }), 405, "MethodNotAllowed");
});

test("property: no signed request, however odd, makes the gateway fail", async () => {
  const word = fc.constantFrom("bucket", "key", "", "..", "%", "é", "\0", "a b", "+", "//", "?x");
  const start = fc.constantFrom("/bucket/", "/bucket/", "/bucket", "/");
  const path = fc
    .tuple(start, fc.array(word, { maxLength: 3 }))
    .map(([first, words]) => first + words.join("/"));
  const parameters = ["uploadId", "partNumber", "uploads", "delete", "tagging", "list-type", "acl"];
  const value = fc.constantFrom("", "1", "-1", "99999999999", "x", "%00", "\ud83d\ude00");
  const query = fc
    .array(fc.tuple(fc.constantFrom(...parameters, "max-keys", "cors", "attributes"), value))
    .map((pairs) => new URLSearchParams(pairs).toString());
  const header = fc.constantFrom(
    "range",
    "if-match",
    "if-modified-since",
    "x-amz-copy-source",
    "x-amz-tagging",
    "x-amz-storage-class",
    "x-amz-checksum-crc32",
    "x-amz-object-attributes",
    "x-amz-expected-bucket-owner",
    "content-md5",
    "origin",
  );
  const text = fc.constantFrom("", "x", "bytes=-", "/bucket/%zz", "a=%zz", "*", "\u00e9", "/a/b?c");
  const headers = fc.dictionary(header, text, { maxKeys: 3 });
  const method = fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS");
  const body = fc.constantFrom("", "x", "<Tagging/>", "<Delete><Object/></Delete>", "<a");
  const request = fc.record({ method, path, query, headers, body });
  await fc.assert(
    fc.asyncProperty(request, async (raw) => {
      // The bucket has to stay for the requests that follow.
      fc.pre(raw.method !== "DELETE" || !/^\/bucket\/?$/.test(raw.path));
      const { status, text: answer } = await send(raw);
      assert(status < 500 || status === 501, `${status} ${answer}`);
    }),
    { numRuns: 150 },
  );
});
