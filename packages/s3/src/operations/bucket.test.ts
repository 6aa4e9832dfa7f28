import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketLocationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import { sendUnsigned } from "../testing/raw-client.ts";
import { shareGateway } from "../testing/shared-gateway.ts";
import { TEST_ACCOUNT, TEST_REGION } from "../testing/test-gateway.ts";

const shared = shareGateway();
const Bucket = "bucket";

test("buckets are created, listed in pages, and deleted when empty", async () => {
  const { client } = shared;
  for (const name of ["made-a", "made-b", "made-c"]) {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  }
  const again = client.send(new CreateBucketCommand({ Bucket: "made-a" }));
  await assert.rejects(again, { name: "BucketAlreadyOwnedByYou" });
  const page = await client.send(new ListBucketsCommand({ Prefix: "made-", MaxBuckets: 2 }));
  assert.deepEqual(
    page.Buckets?.map(({ Name }) => Name),
    ["made-a", "made-b"],
  );
  const { ContinuationToken } = page;
  const next = await client.send(new ListBucketsCommand({ Prefix: "made-", ContinuationToken }));
  assert.deepEqual([next.Buckets?.length, next.ContinuationToken], [1, undefined]);
  await client.send(new PutObjectCommand({ Bucket: "made-a", Key: "k", Body: "" }));
  const full = client.send(new DeleteBucketCommand({ Bucket: "made-a" }));
  await assert.rejects(full, { name: "BucketNotEmpty" });
  await client.send(new DeleteObjectCommand({ Bucket: "made-a", Key: "k" }));
  await client.send(new CreateMultipartUploadCommand({ Bucket: "made-a", Key: "k" }));
  await client.send(new DeleteBucketCommand({ Bucket: "made-a" }));
  await assert.rejects(client.send(new HeadBucketCommand({ Bucket: "made-a" })), {
    name: "NotFound",
  });
});

test("names that are no bucket names are refused", async () => {
  const names = ["ab", "Upper-case", "under_score", "192.168.1.1", "a..b", "-a-b", "xn--abc"];
  for (const name of names) {
    const create = shared.client.send(new CreateBucketCommand({ Bucket: name }));
    await assert.rejects(create, { name: "InvalidBucketName" }, name);
  }
});

test("location, versioning and ACL tell what holds", async () => {
  const { client } = shared;
  const location = await client.send(new GetBucketLocationCommand({ Bucket }));
  assert.equal(location.LocationConstraint, TEST_REGION);
  const versioning = await client.send(new GetBucketVersioningCommand({ Bucket }));
  assert.equal(versioning.Status, undefined);
  await client.send(new PutObjectCommand({ Bucket, Key: "acl", Body: "x" }));
  for (const acl of [
    await client.send(new GetBucketAclCommand({ Bucket })),
    await client.send(new GetObjectAclCommand({ Bucket, Key: "acl" })),
  ]) {
    assert.equal(acl.Owner?.ID, TEST_ACCOUNT);
    assert.equal(acl.Grants?.length, 1);
    assert.equal(acl.Grants?.[0]?.Permission, "FULL_CONTROL");
    assert.deepEqual(
      [acl.Grants?.[0]?.Grantee?.ID, acl.Grants?.[0]?.Grantee?.Type],
      [TEST_ACCOUNT, "CanonicalUser"],
    );
  }
  await client.send(new PutBucketAclCommand({ Bucket, ACL: "private" }));
  const open = client.send(new PutBucketAclCommand({ Bucket, ACL: "public-read" }));
  await assert.rejects(open, { name: "NotImplemented" });
});

test("tags of objects and buckets are kept, counted, and limited", async () => {
  const { client } = shared;
  const Key = "tagged";
  const TagSet = [
    { Key: "a", Value: "1 & 2" },
    { Key: "ü", Value: "" },
  ];
  await client.send(new PutObjectCommand({ Bucket, Key, Body: "x", Tagging: "from=header" }));
  const tags = async () => (await client.send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet;
  assert.deepEqual(await tags(), [{ Key: "from", Value: "header" }]);
  await client.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));
  assert.deepEqual(await tags(), TagSet);
  const got = await client.send(new GetObjectCommand({ Bucket, Key }));
  assert.deepEqual([got.TagCount, await got.Body?.transformToString()], [2, "x"]);
  const many = Array.from({ length: 11 }, (_, index) => ({ Key: `${index}`, Value: "" }));
  const repeated = [TagSet[0], TagSet[0]] as typeof TagSet;
  for (const bad of [many, repeated, [{ Key: "k".repeat(129), Value: "" }]]) {
    const put = client.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: bad } }));
    await assert.rejects(put, { name: "InvalidTag" });
  }
  await client.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
  assert.deepEqual(await tags(), []);
  await client.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  const bucketTags = await client.send(new GetBucketTaggingCommand({ Bucket }));
  assert.deepEqual(bucketTags.TagSet, TagSet);
  await client.send(new DeleteBucketTaggingCommand({ Bucket }));
  const gone = client.send(new GetBucketTaggingCommand({ Bucket }));
  await assert.rejects(gone, { name: "NoSuchTagSet" });
});

test("CORS: browsers are told what the owner allows, and nothing else", async () => {
  const { client } = shared;
  const { endpoint } = shared.setup;
  const preflight = (origin: string, method: string, headers?: string) =>
    sendUnsigned(endpoint, {
      method: "OPTIONS",
      path: "/bucket/key",
      headers: {
        origin,
        "access-control-request-method": method,
        ...(headers === undefined ? {} : { "access-control-request-headers": headers }),
      },
    });
  assert.equal((await preflight("https://app.example", "GET")).status, 403);
  const missing = client.send(new GetBucketCorsCommand({ Bucket }));
  await assert.rejects(missing, { name: "NoSuchCORSConfiguration" });
  const CORSRules = [
    {
      AllowedOrigins: ["https://*.example"],
      AllowedMethods: ["GET", "PUT"],
      AllowedHeaders: ["x-amz-*"],
      ExposeHeaders: ["ETag"],
      MaxAgeSeconds: 60,
    },
  ];
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  const stored = await client.send(new GetBucketCorsCommand({ Bucket }));
  assert.deepEqual(stored.CORSRules, CORSRules);
  const allowed = await preflight("https://app.example", "PUT", "x-amz-date, X-Amz-Meta-A");
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers["access-control-allow-origin"], "https://app.example");
  assert.equal(allowed.headers["access-control-max-age"], "60");
  assert.equal((await preflight("https://app.evil", "PUT")).status, 403);
  assert.equal((await preflight("https://app.example", "DELETE")).status, 403);
  assert.equal((await preflight("https://app.example", "PUT", "x-other")).status, 403);
  const origin = "https://app.example";
  const refused = await sendUnsigned(endpoint, {
    method: "GET",
    path: "/bucket/key",
    headers: { origin },
  });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers["access-control-allow-origin"], origin);
  await client.send(new DeleteBucketCorsCommand({ Bucket }));
  assert.equal((await preflight("https://app.example", "PUT")).status, 403);
});

test("listings: delimiters, pages, tokens, markers and encodings", async () => {
  const { client } = shared;
  await client.send(new CreateBucketCommand({ Bucket: "listed" }));
  const keys = ["a", "b/1", "b/2", "c d+e", "d/x/y", "é\u0001", "z"];
  for (const Key of keys) {
    await client.send(new PutObjectCommand({ Bucket: "listed", Key, Body: Key }));
  }
  const seen: (string | undefined)[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: "listed",
        Delimiter: "/",
        MaxKeys: 2,
        EncodingType: "url",
        ContinuationToken,
      }),
    );
    const entries = [
      ...(page.Contents ?? []).map(({ Key }) => decodeURIComponent(Key ?? "")),
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
    ];
    assert.equal(page.KeyCount, entries.length);
    seen.push(...entries.sort());
    ContinuationToken = page.NextContinuationToken;
    assert.equal(page.IsTruncated, ContinuationToken !== undefined);
  } while (ContinuationToken !== undefined);
  assert.deepEqual(seen, ["a", "b/", "c d+e", "d/", "z", "é\u0001"]);
  const first = await client.send(
    new ListObjectsCommand({ Bucket: "listed", Delimiter: "/", MaxKeys: 2 }),
  );
  assert.deepEqual([first.IsTruncated, first.NextMarker], [true, "b/"]);
  const rest = await client.send(
    new ListObjectsCommand({ Bucket: "listed", Delimiter: "/", Marker: "b/", MaxKeys: 2 }),
  );
  assert.deepEqual([rest.Contents?.[0]?.Key, rest.CommonPrefixes?.[0]?.Prefix], ["c d+e", "d/"]);
  const after = await client.send(
    new ListObjectsV2Command({
      Bucket: "listed",
      StartAfter: "b/1",
      Prefix: "b",
      FetchOwner: true,
    }),
  );
  assert.deepEqual(
    [after.Contents?.length, after.Contents?.[0]?.Key, after.Contents?.[0]?.Owner?.ID],
    [1, "b/2", TEST_ACCOUNT],
  );
  const none = await client.send(new ListObjectsV2Command({ Bucket: "listed", MaxKeys: 0 }));
  assert.deepEqual([none.KeyCount, none.IsTruncated], [0, false]);
  const versions = await client.send(
    new ListObjectVersionsCommand({ Bucket: "listed", Delimiter: "/", MaxKeys: 1 }),
  );
  assert.deepEqual(
    [versions.Versions?.[0]?.Key, versions.Versions?.[0]?.VersionId, versions.NextKeyMarker],
    ["a", "null", "a"],
  );
  const bad = new ListObjectsV2Command({ Bucket: "listed", ContinuationToken: "!!" });
  await assert.rejects(client.send(bad), { name: "InvalidArgument" });
});
