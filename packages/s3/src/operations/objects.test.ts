import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  type ChecksumAlgorithm,
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { MIB } from "@cess/std/units";
import { sendUnsigned } from "../testing/raw-client.ts";
import { shareGateway } from "../testing/shared-gateway.ts";

const shared = shareGateway();
const Bucket = "bucket";

function statusOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 200,
    (cause) => cause.$metadata?.httpStatusCode ?? cause,
  );
}

test("objects of every size class come back, also after a restart", async () => {
  const sizes = [0, 1, 1000, MIB - 1, MIB, 3 * MIB + 7];
  const bodies = new Map(sizes.map((size) => [`size/${size}`, randomBytes(size)]));
  for (const [key, body] of bodies) {
    const stored = await shared.client.send(new PutObjectCommand({ Bucket, Key: key, Body: body }));
    assert.match(stored.ETag ?? "", /^"[0-9a-f]{32}"$/);
  }
  await shared.setup.restart();
  const { client } = shared.setup;
  for (const [Key, body] of bodies) {
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    assert(body.equals((await got.Body?.transformToByteArray()) ?? Buffer.of(1)));
    assert.equal(got.ContentLength, body.length);
  }
});

test("a stream of unknown hash is taken in signed-trailer chunks", async () => {
  const { client } = shared.setup;
  const body = randomBytes(2 * MIB + 5);
  const pieces = [body.subarray(0, MIB), body.subarray(MIB)];
  const ContentLength = body.length;
  const Body = Readable.from(pieces);
  await client.send(new PutObjectCommand({ Bucket, Key: "stream", Body, ContentLength }));
  const got = await client.send(new GetObjectCommand({ Bucket, Key: "stream" }));
  assert(body.equals((await got.Body?.transformToByteArray()) ?? Buffer.of(1)));
});

test("headers, metadata and keys of any script come back as they were", async () => {
  const { client } = shared.setup;
  const Key = "ключ/with space+plus/100%/'quote\"&<>/日本";
  const head = {
    ContentType: "text/plain; charset=utf-8",
    CacheControl: "max-age=60",
    ContentDisposition: 'attachment; filename="a.txt"',
    ContentLanguage: "de",
    Metadata: { colour: "blue", "with-dash": "1 2" },
  };
  await client.send(new PutObjectCommand({ Bucket, Key, Body: "x", ...head }));
  const { Body, ...got } = await client.send(new GetObjectCommand({ Bucket, Key }));
  assert.equal(await Body?.transformToString(), "x");
  const { ContentType, CacheControl, ContentDisposition, ContentLanguage, Metadata } = got;
  const same = { ContentType, CacheControl, ContentDisposition, ContentLanguage, Metadata };
  assert.deepEqual(same, head);
  const override = { ResponseContentType: "text/html", ResponseCacheControl: "no-store" };
  const other = await client.send(new GetObjectCommand({ Bucket, Key, ...override }));
  assert.deepEqual([other.ContentType, other.CacheControl], ["text/html", "no-store"]);
  await other.Body?.transformToString();
});

test("every checksum is verified, kept, and given back on demand", async () => {
  const { client } = shared.setup;
  const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as ChecksumAlgorithm[];
  for (const ChecksumAlgorithm of algorithms) {
    const Key = `checksum/${ChecksumAlgorithm}`;
    const field = `Checksum${ChecksumAlgorithm}` as "ChecksumCRC32";
    const stored = await client.send(
      new PutObjectCommand({ Bucket, Key, Body: "123456789", ChecksumAlgorithm }),
    );
    assert(stored[field] !== undefined);
    const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
    assert.equal(got[field], stored[field]);
    assert.equal(await got.Body?.transformToString(), "123456789");
    const attributes = await client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key,
        ObjectAttributes: ["ETag", "Checksum", "ObjectSize", "StorageClass"],
      }),
    );
    assert.equal(attributes.Checksum?.[field], stored[field]);
    assert.deepEqual([attributes.ObjectSize, attributes.StorageClass], [9, "STANDARD"]);
  }
});

test("ranges are served to the byte", async () => {
  const { client } = shared.setup;
  const body = randomBytes(200_000);
  await client.send(new PutObjectCommand({ Bucket, Key: "ranges", Body: body }));
  const read = async (Range: string) => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key: "ranges", Range }));
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    return { bytes, range: got.ContentRange };
  };
  const cases = [
    ["bytes=0-0", 0, 1],
    ["bytes=65535-65537", 65_535, 65_538],
    ["bytes=199999-", 199_999, 200_000],
    ["bytes=-5", 199_995, 200_000],
    ["bytes=100-999999", 100, 200_000],
  ] as const;
  for (const [text, start, end] of cases) {
    const got = await read(text);
    assert(got.bytes.equals(body.subarray(start, end)), text);
    assert.equal(got.range, `bytes ${start}-${end - 1}/200000`);
  }
  for (const text of ["bytes=5-2", "lines=1-2"]) {
    assert.equal((await read(text)).bytes.length, body.length, "not a range: ignored");
  }
  for (const text of ["bytes=200000-", "bytes=-0"]) {
    await assert.rejects(read(text), { name: "InvalidRange" });
  }
});

test("conditional reads follow RFC 9110 precedence", async () => {
  const { client } = shared.setup;
  const Key = "conditions";
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
  const head = (more: object) =>
    statusOf(client.send(new HeadObjectCommand({ Bucket, Key, ...more })));
  const [past, future] = [new Date(Date.now() - 86_400_000), new Date(Date.now() + 86_400_000)];
  assert.equal(await head({ IfMatch: ETag }), 200);
  assert.equal(await head({ IfMatch: '"other"' }), 412);
  assert.equal(await head({ IfNoneMatch: ETag }), 304);
  assert.equal(await head({ IfNoneMatch: '"other"' }), 200);
  assert.equal(await head({ IfModifiedSince: future }), 304);
  assert.equal(await head({ IfModifiedSince: past }), 200);
  assert.equal(await head({ IfUnmodifiedSince: past }), 412);
  assert.equal(await head({ IfUnmodifiedSince: future }), 200);
  assert.equal(await head({ IfMatch: ETag, IfUnmodifiedSince: past }), 200);
  assert.equal(await head({ IfNoneMatch: '"other"', IfModifiedSince: future }), 200);
});

test("conditional writes: only the first of many creators wins, only the current tag replaces", async () => {
  const { client } = shared.setup;
  const create = (Body: string) =>
    client.send(new PutObjectCommand({ Bucket, Key: "once", Body, IfNoneMatch: "*" }));
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, index) => statusOf(create(`writer ${index}`))),
  );
  assert.deepEqual(outcomes.sort(), [200, ...Array(7).fill(412)]);
  const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key: "once" }));
  const replace = (IfMatch: string | undefined, Key = "once") =>
    statusOf(client.send(new PutObjectCommand({ Bucket, Key, Body: "new", IfMatch })));
  assert.equal(await replace(ETag), 200);
  assert.equal(await replace(ETag), 412);
  assert.equal(await replace(ETag, "not there"), 404);
});

test("a copy shares the bytes, and outlives its source", async () => {
  const { client, network } = shared.setup;
  const Key = "copy/source";
  const Metadata = { a: "1" };
  await client.send(new PutObjectCommand({ Bucket, Key, Body: "copied", Metadata }));
  const before = network.extents.size;
  const CopySource = `${Bucket}/${Key}`;
  const copy = (more: object) =>
    client.send(new CopyObjectCommand({ Bucket, Key: "copy/target", CopySource, ...more }));
  await copy({});
  assert.equal(network.extents.size, before, "nothing was stored anew");
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  const read = async () => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key: "copy/target" }));
    return { text: await got.Body?.transformToString(), metadata: got.Metadata };
  };
  assert.deepEqual(await read(), { text: "copied", metadata: Metadata });
  assert.equal(await statusOf(copy({})), 404);
});

test("a copy can change metadata, profile and checksum, and has its own conditions", async () => {
  const { client, network } = shared.setup;
  const Key = "copy/other";
  const CopySource = `${Bucket}/${Key}`;
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body: "12345" }));
  const copy = (more: object) =>
    client.send(new CopyObjectCommand({ Bucket, Key: "copy/changed", CopySource, ...more }));
  await copy({ MetadataDirective: "REPLACE", Metadata: { b: "2" }, ContentType: "text/css" });
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: "copy/changed" }));
  assert.deepEqual([head.Metadata, head.ContentType], [{ b: "2" }, "text/css"]);
  const before = network.extents.size;
  const moved = await copy({ StorageClass: "REDUCED_REDUNDANCY", ChecksumAlgorithm: "SHA256" });
  assert.equal(
    moved.CopyObjectResult?.ChecksumSHA256,
    "WZRHGrsBESr8wYFZ9sx0tPURuZgG2lmzyvWpwXPKz8U=",
  );
  assert.equal(network.extents.size, before + 1, "another profile has its own bytes");
  assert.equal(await statusOf(copy({ CopySourceIfMatch: ETag })), 200);
  assert.equal(await statusOf(copy({ CopySourceIfNoneMatch: ETag })), 412);
  assert.equal(await statusOf(copy({ CopySource: `${Bucket}/nothing` })), 404);
  const self = new CopyObjectCommand({ Bucket, Key, CopySource });
  await assert.rejects(client.send(self), { name: "InvalidRequest" });
});

test("many objects are deleted at once, missing ones too", async () => {
  const { client } = shared.setup;
  for (const Key of ["del/1", "del/2 &<>"]) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
  }
  const Objects = ["del/1", "del/2 &<>", "del/3"].map((Key) => ({ Key }));
  const gone = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.deepEqual(gone.Deleted, Objects);
  const Delete = { Objects, Quiet: true };
  const quiet = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
  assert.equal(quiet.Deleted, undefined);
  const head = client.send(new HeadObjectCommand({ Bucket, Key: "del/2 &<>" }));
  assert.equal(await statusOf(head), 404);
});

test("presigned URLs put and get, also with the bucket in the host name", async () => {
  const { client, endpoint } = shared.setup;
  const put = new PutObjectCommand({ Bucket, Key: "presigned" });
  const url = new URL(await getSignedUrl(client, put, { expiresIn: 60 }));
  const stored = await sendUnsigned(endpoint, {
    method: "PUT",
    path: url.pathname,
    query: url.search.slice(1),
    body: "by URL",
  });
  assert.equal(stored.status, 200, stored.text);
  const get = new GetObjectCommand({ Bucket, Key: "presigned" });
  const hosted = shared.setup.clientWith({ endpoint: "http://s3.test", forcePathStyle: false });
  const hostedURL = new URL(await getSignedUrl(hosted, get, { expiresIn: 60 }));
  assert.equal(hostedURL.host, "bucket.s3.test");
  const got = await sendUnsigned(endpoint, {
    method: "GET",
    path: hostedURL.pathname,
    query: hostedURL.search.slice(1),
    headers: { host: hostedURL.host },
  });
  assert.deepEqual([got.status, got.text], [200, "by URL"]);
});

test("when the network cannot be read, the answer is a 503, not a broken body", async () => {
  const { client, network } = shared.setup;
  await client.send(new PutObjectCommand({ Bucket, Key: "unreadable", Body: "x" }));
  network.isReadable = false;
  try {
    const got = client.send(new GetObjectCommand({ Bucket, Key: "unreadable" }));
    assert.equal(await statusOf(got), 503);
  } finally {
    network.isReadable = true;
  }
});
