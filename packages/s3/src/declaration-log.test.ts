import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { createMemoryNetwork } from "./testing/memory-file-store.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const Bucket = "bucket";

async function put(setup: TestGateway, Key: string, headers: Record<string, string> = {}) {
  const { client } = setup;
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: object }).headers, headers);
      return next(args);
    },
    { step: "build" },
  );
  await client.send(new PutObjectCommand({ Bucket, Key, Body: `bytes of ${Key}` }));
}

test("all files are declared in batches, none is forgotten while the chain is away", async () => {
  await using setup = await startTestGateway();
  const { network } = setup;
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  await Promise.all(Array.from({ length: 150 }, (_, index) => put(setup, `k${index}`)));
  assert.equal(network.declared.size, 0);
  await setup.restart();
  assert.equal(network.remembered.size, 150, "the store hears of files that are not declared yet");
  network.isReachable = true;
  await eventually(() => network.declared.size === 150);
  assert(network.batches.every((size) => size <= 64));
  assert(network.batches.length <= 4, `${network.batches}`);
});

test("x-cess-durability: declared answers when the file is on the chain", async () => {
  await using setup = await startTestGateway();
  const { network } = setup;
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  let isDone = false;
  const stored = put(setup, "waits", { "x-cess-durability": "declared" }).then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert(!isDone);
  network.isReachable = true;
  await stored;
  assert.equal(network.declared.size, 1);
});

test("a refused declaration does not hold up the others, and is tried again", async () => {
  await using setup = await startTestGateway();
  const { network } = setup;
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  await put(setup, "good");
  await put(setup, "bad");
  await setup.restart();
  const [bad] = [...network.remembered];
  assert(bad !== undefined);
  network.refused.add(bad);
  network.isReachable = true;
  await eventually(() => network.declared.size === 1);
  assert(!network.declared.has(bad));
  network.refused.clear();
  await eventually(() => network.declared.has(bad));
});

test("a bundle is removed with its last object, not before", async () => {
  await using setup = await startTestGateway({
    network: createMemoryNetwork({ bundleObjects: 3 }),
  });
  const { network, client } = setup;
  await client.send(new CreateBucketCommand({ Bucket }));
  for (const key of ["a", "b", "c"]) await put(setup, key);
  await eventually(() => network.declared.size === 1);
  const CopySource = `${Bucket}/b`;
  await client.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource }));
  await put(setup, "a");
  await client.send(new DeleteObjectCommand({ Bucket, Key: "b" }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: "c" }));
  await eventually(() => network.declared.size === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(network.removed.size, 0, "the copy still lies in the bundle");
  const got = await client.send(new GetObjectCommand({ Bucket, Key: "copy" }));
  assert.equal(await got.Body?.transformToString(), "bytes of b");
  await client.send(new DeleteObjectCommand({ Bucket, Key: "copy" }));
  await eventually(() => network.removed.size === 1 && network.declared.size === 1);
});

test("the admin listener tells health and metrics", async () => {
  await using setup = await startTestGateway();
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  const admin = `http://127.0.0.1:${setup.gateway.adminPort}`;
  assert.deepEqual(await (await fetch(`${admin}/health`)).json(), { status: "ok" });
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  assert.match(metrics, /s3_requests_total\{operation="CreateBucket",status="200"\} 1/);
});

async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(holds());
}
