import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { startTestGateway } from "./testing/test-gateway.ts";

const MIB = 1024 * 1024;

test("objects of every size class come back, also after a restart", async () => {
  await using setup = await startTestGateway();
  await setup.client.send(new CreateBucketCommand({ Bucket: "first" }));
  const sizes = [0, 1, 1000, MIB - 1, MIB, 3 * MIB + 7];
  const bodies = new Map(sizes.map((size) => [`size/${size}`, randomBytes(size)]));
  for (const [Key, Body] of bodies) {
    const put = await setup.client.send(new PutObjectCommand({ Bucket: "first", Key, Body }));
    assert.match(put.ETag ?? "", /^"[0-9a-f]{32}"$/);
  }
  await setup.restart();
  for (const [Key, body] of bodies) {
    const got = await setup.client.send(new GetObjectCommand({ Bucket: "first", Key }));
    assert(body.equals((await got.Body?.transformToByteArray()) ?? Buffer.of(1)));
    const head = await setup.client.send(new HeadObjectCommand({ Bucket: "first", Key }));
    assert.equal(head.ContentLength, body.length);
  }
  const { Buckets } = await setup.client.send(new ListBucketsCommand({}));
  assert.deepEqual(
    Buckets?.map(({ Name }) => Name),
    ["first"],
  );
  await setup.client.send(new DeleteObjectCommand({ Bucket: "first", Key: "size/1" }));
  const gone = setup.client.send(new GetObjectCommand({ Bucket: "first", Key: "size/1" }));
  await assert.rejects(gone, { name: "NoSuchKey" });
});
