/** Storage nodes go away: what was acknowledged stays readable, what is on its way arrives. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { ChainReader } from "@cess/chain-client/chain";
import { activeMiners, createChain } from "./harness/chain.ts";
import { content, contentBytes, contentHash, KIB, MIB } from "./harness/content.ts";
import { declaredFiles } from "./harness/files.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3, getBytes, getHash, putContent, refusalOf } from "./harness/s3.ts";
import { eventually, inParallel, timed } from "./harness/wait.ts";

const Bucket = "loss";
/** A bundle, one segment, several segments. */
const OBJECTS = [
  { seed: "small", sizeBytes: 10 * KIB },
  { seed: "middle", sizeBytes: 3 * MIB + 17 },
  { seed: "large", sizeBytes: 70 * MIB + 1 },
] as const;

const network = new LocalNetwork({ portBase: 20_400 });
let s3: S3Client;
let chain: ChainReader;

before(async () => {
  await network.up();
  s3 = createS3(network.ready);
  chain = createChain(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const object of OBJECTS) await putContent(s3, { Bucket, Key: object.seed }, object);
});
after(() => network.remove());

test("the loss of storage nodes in the middle of an upload does not show to the client", async () => {
  const sizeBytes = 96 * MIB;
  const Body = Readable.from(losing("storage-5", "interrupted", sizeBytes));
  const name = { Bucket, Key: "interrupted" };
  await s3.send(new PutObjectCommand({ ...name, Body, ContentLength: sizeBytes }));
  assert.equal(await getHash(s3, name), contentHash("interrupted", sizeBytes));
  await network.startNode("storage-5");
});

test("the loss of storage nodes of any 8 of 12 leaves everything readable, and a PUT is refused in clear words", async () => {
  await eventually(
    "twelve holders of every file",
    async () => {
      const files = await declaredFiles(chain);
      const isWhole = ({ holdings }: (typeof files)[number]) =>
        new Set(holdings.map(({ miner }) => miner)).size === 12;
      return files.length >= OBJECTS.length && files.filter(isWhole).length >= OBJECTS.length
        ? true
        : undefined;
    },
    { timeoutMs: 30_000 },
  );
  const lost = Array.from({ length: 8 }, (_, index) => `storage-${index}`);
  for (const id of lost) await network.kill(id);
  const down = (await network.status()).filter(({ isRunning }) => !isRunning);
  assert.deepEqual(
    down.map(({ id }) => id),
    lost,
  );

  await timed("reads with 8 of 12 nodes gone", () =>
    inParallel(OBJECTS, 3, async ({ seed, sizeBytes }) => {
      assert.equal(await getHash(s3, { Bucket, Key: seed }), contentHash(seed, sizeBytes), seed);
    }),
  );
  const range = await getBytes(s3, { Bucket, Key: "large" }, "bytes=40000000-40000099");
  const expected = contentBytes("large", 70 * MIB + 1).subarray(40_000_000, 40_000_100);
  assert(range.equals(expected));

  for (const sizeBytes of [10 * KIB, 5 * MIB]) {
    const Body = contentBytes("refused", sizeBytes);
    const put = s3.send(new PutObjectCommand({ Bucket, Key: "refused", Body }));
    assert.deepEqual(await refusalOf(put), { name: "ServiceUnavailable", status: 503 });
  }
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert(!Contents.some(({ Key }) => Key === "refused"), "a refused object is listed");
  assert.equal(await getHash(s3, { Bucket, Key: "small" }), contentHash("small", 10 * KIB));

  for (const id of lost) await network.startNode(id);
  assert.equal((await activeMiners(chain)).length, 12);
  await putContent(s3, { Bucket, Key: "again" }, { seed: "again", sizeBytes: 5 * MIB });
  assert.equal(await getHash(s3, { Bucket, Key: "again" }), contentHash("again", 5 * MIB));
});

/** Content that cuts a node off when half of it is sent. */
async function* losing(id: string, seed: string, sizeBytes: number): AsyncGenerator<Buffer> {
  let sentBytes = 0;
  for (const piece of content(seed, sizeBytes)) {
    if (sentBytes === sizeBytes / 2) await network.kill(id);
    yield piece;
    sentBytes += piece.length;
  }
}
