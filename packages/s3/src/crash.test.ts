/** kill -9 at any moment under load: what was acknowledged is there, what was begun goes on. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { MIB } from "@cess/std/units";
import { createClient } from "./testing/test-gateway.ts";

const Bucket = "bucket";
const WRITERS = 8;
const PART = 5 * MIB;

async function startProcess(directory: string) {
  const script = join(import.meta.dirname, "testing/gateway-process.ts");
  const child = spawn(process.execPath, [script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(child.stdout), "line");
  const { endpoint, credential } = JSON.parse(line as string);
  const client = createClient(endpoint, credential);
  return { child, client };
}

async function kill(child: ChildProcess, client: S3Client): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  client.destroy();
}

/** Puts objects one after another until the gateway is gone; returns those acknowledged. */
async function putUntilGone(
  client: S3Client,
  prefix: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const acknowledged = new Map<string, Buffer>();
  for (let index = 0; ; index += 1) {
    const Key = `${prefix}/${index % 20}`;
    const Body = randomBytes(1 + ((index * 997) % 40_000));
    try {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }));
    } catch {
      // The gateway is gone: whether this one was stored is not known, so it is not checked.
      acknowledged.delete(Key);
      return acknowledged;
    }
    acknowledged.set(Key, Body);
  }
}

test("kill -9 under load: nothing acknowledged is lost, unfinished uploads go on", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cess-s3-crash-"));
  let { child, client } = await startProcess(directory);
  try {
    await client.send(new CreateBucketCommand({ Bucket }));
    const begun = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "large" }));
    const upload = { Bucket, Key: "large", UploadId: begun.UploadId };
    const body = randomBytes(PART + 100);
    const send = async (PartNumber: number, Body: Uint8Array) => {
      const part = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      return { PartNumber, ETag: part.ETag };
    };
    const first = await send(1, body.subarray(0, PART));
    for (const killAfterMs of [300, 700]) {
      const writers = Array.from({ length: WRITERS }, (_, index) =>
        putUntilGone(client, `${killAfterMs}-${index}`),
      );
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      await kill(child, client);
      const acknowledged = (await Promise.all(writers)).flatMap((map) => [...map]);
      assert(acknowledged.length >= WRITERS, `only ${acknowledged.length} acknowledged`);
      ({ child, client } = await startProcess(directory));
      for (const [Key, bytes] of acknowledged) {
        const got = await client.send(new GetObjectCommand({ Bucket, Key }));
        assert(bytes.equals((await got.Body?.transformToByteArray()) ?? Buffer.of(1)), Key);
      }
    }
    const parts = [first, await send(2, body.subarray(PART))];
    const MultipartUpload = { Parts: parts };
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key: "large" }));
    const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    assert.equal(digest((await got.Body?.transformToByteArray()) ?? Buffer.of()), digest(body));
  } finally {
    await kill(child, client);
    rmSync(directory, { recursive: true, force: true });
  }
});
