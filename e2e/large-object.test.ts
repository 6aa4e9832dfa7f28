/**
 * An object of any size passes the gateway in bounded memory. `E2E_FULL=1` sends 5 GiB; without
 * it 1 GiB is sent, which is more than three times what the gateway may take up.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { content, contentHash, GIB, MIB } from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import { residentBytes } from "./harness/process.ts";
import { createS3, getHash, putContent } from "./harness/s3.ts";
import { say, timed } from "./harness/wait.ts";

const IS_FULL = process.env["E2E_FULL"] === "1";
const LARGE_BYTES = IS_FULL ? 5 * GIB : GIB;
const SINGLE_BYTES = 300 * MIB;
const MEMORY_BYTES_MAX = 300 * MIB;
const SAMPLE_MS = 50;

const network = new LocalNetwork({ portBase: 21_200 });
const Bucket = "large";
let s3: S3Client;
let pid: number;

before(async () => {
  say(IS_FULL ? "full size: 5 GiB" : "1 GiB; E2E_FULL=1 sends 5 GiB");
  await network.up();
  s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
  pid = await network.pidOf("gateway-0");
  say(`gateway takes ${Math.round(residentBytes(pid) / MIB)} MiB before`);
});
after(() => network.remove());

/** The most resident memory of the gateway's process while `work` runs. */
async function peakBytesDuring(what: string, work: () => Promise<void>): Promise<number> {
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(pid));
  }, SAMPLE_MS);
  try {
    await timed(what, work);
  } finally {
    clearInterval(timer);
  }
  say(`gateway at most ${Math.round(peakBytes / MIB)} MiB`);
  return peakBytes;
}

function assertBounded(peakBytes: number): void {
  assert(peakBytes > 20 * MIB, "the figure cannot be right");
  assert(peakBytes < MEMORY_BYTES_MAX, `${Math.round(peakBytes / MIB)} MiB`);
}

test("a large multipart object passes up and down", async () => {
  const name = { Bucket, Key: "multipart" };
  const upload = new Upload({
    client: s3,
    params: {
      ...name,
      Body: Readable.from(content("multipart", LARGE_BYTES)),
      // Stored as 8+4: half the space on the disk of whoever runs this.
      StorageClass: "REDUCED_REDUNDANCY",
    },
    partSize: 16 * MIB,
    queueSize: 4,
  });
  const size = `${LARGE_BYTES / GIB} GiB`;
  const upPeak = await peakBytesDuring(`${size} up, 4 parts at once`, async () => {
    await upload.done();
  });
  const head = await s3.send(new HeadObjectCommand(name));
  assert.equal(head.ContentLength, LARGE_BYTES);
  assert.equal(head.StorageClass, "REDUCED_REDUNDANCY");
  const downPeak = await peakBytesDuring(`${size} down`, async () => {
    assert.equal(await getHash(s3, name), contentHash("multipart", LARGE_BYTES));
  });
  await s3.send(new DeleteObjectCommand(name));
  assertBounded(upPeak);
  assertBounded(downPeak);
});

test("a single large PUT passes up and down", async () => {
  const name = { Bucket, Key: "single" };
  const object = { seed: "single", sizeBytes: SINGLE_BYTES };
  const upPeak = await peakBytesDuring("300 MiB in one PUT", () => putContent(s3, name, object));
  const downPeak = await peakBytesDuring("300 MiB down", async () => {
    assert.equal(await getHash(s3, name), contentHash("single", SINGLE_BYTES));
  });
  assertBounded(upPeak);
  assertBounded(downPeak);
});
