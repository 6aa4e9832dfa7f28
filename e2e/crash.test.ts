/** Processes die without a farewell: nothing acknowledged is lost, and work goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { heightOf } from "./harness/chain.ts";
import { contentBytes, contentHash, hashOf, KIB, MIB } from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3, getBytes, getHash } from "./harness/s3.ts";
import { eventually, inParallel, say, timed } from "./harness/wait.ts";

const network = new LocalNetwork({ portBase: 21_000 });
const Bucket = "crash";
const PART_BYTES = 6 * MIB;
let s3: S3Client;

before(async () => {
  await network.up();
  s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => network.remove());

/** Kills the gateway's process as the operating system would, and starts it again. */
async function crashGateway(): Promise<void> {
  process.kill(await network.pidOf("gateway-0"), "SIGKILL");
  await eventually(
    "a gateway that is down",
    async () => {
      const gateway = (await network.status()).find(({ id }) => id === "gateway-0");
      return gateway?.isRunning === false ? true : undefined;
    },
    { timeoutMs: 10_000 },
  );
  await network.startNode("gateway-0");
}

/** Writers that go on until told to stop, and note what was acknowledged. */
function startLoad(writerCount: number) {
  const acknowledged: { readonly key: string; readonly sizeBytes: number }[] = [];
  let isOver = false;
  let failureCount = 0;
  const writers = Array.from({ length: writerCount }, async (_, writer) => {
    for (let index = 0; !isOver; index += 1) {
      const key = `load-${writer}-${index}`;
      const sizeBytes = index % 10 === 9 ? 2 * MIB : (index * 7919 + writer) % (64 * KIB);
      const Body = contentBytes(key, sizeBytes);
      try {
        await s3.send(new PutObjectCommand({ Bucket, Key: key, Body }));
        acknowledged.push({ key, sizeBytes });
      } catch {
        // Not acknowledged, so nothing was promised.
        failureCount += 1;
        await sleep(100);
      }
    }
  });
  return {
    acknowledged,
    failureCount: () => failureCount,
    async stop() {
      isOver = true;
      await Promise.all(writers);
    },
  };
}

test("kill -9 of the gateway under load loses nothing that was acknowledged", async () => {
  const name = { Bucket, Key: "unfinished" };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(name));
  const uploadPart = async (PartNumber: number) => {
    const Body = contentBytes(`part-${PartNumber}`, PART_BYTES);
    const { ETag } = await s3.send(new UploadPartCommand({ ...name, UploadId, PartNumber, Body }));
    return { PartNumber, ETag };
  };
  const first = await uploadPart(1);

  const load = startLoad(8);
  for (const round of [1, 2, 3]) {
    const countBefore = load.acknowledged.length;
    await sleep(1_500);
    await crashGateway();
    say(`crash ${round}: ${load.acknowledged.length - countBefore} objects before it`);
  }
  await sleep(1_000);
  await load.stop();
  say(`${load.acknowledged.length} acknowledged, ${load.failureCount()} cut off`);
  assert(load.acknowledged.length > 30 && load.failureCount() > 0, "no crash under load");
  await timed("all of them read back", () =>
    inParallel(load.acknowledged, 16, async ({ key, sizeBytes }) => {
      const hash = await hashOf([await getBytes(s3, { Bucket, Key: key })]);
      assert.equal(hash, contentHash(key, sizeBytes), key);
    }),
  );

  const { Parts: kept } = await s3.send(new ListPartsCommand({ ...name, UploadId }));
  assert.deepEqual(
    kept?.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })),
    [first],
    "a part was lost",
  );
  const Parts = [first, await uploadPart(2), await uploadPart(3)];
  const MultipartUpload = { Parts };
  await s3.send(new CompleteMultipartUploadCommand({ ...name, UploadId, MultipartUpload }));
  const expected = [1, 2, 3].map((number) => contentBytes(`part-${number}`, PART_BYTES));
  assert.equal(await getHash(s3, name), await hashOf(expected));
});

test("the chain goes on without one validator, which catches up when it is back", async () => {
  const lost = network.node("validator-2");
  await network.kill(lost.id);
  await assert.rejects(heightOf(lost.endpoint));
  const height = await heightOf(network.ready.rpc);
  const later = await eventually(
    "five more blocks from three validators",
    async () => {
      const now = await heightOf(network.ready.rpc);
      return now >= height + 5 ? now : undefined;
    },
    { timeoutMs: 60_000 },
  );
  const Body = contentBytes("without", 100 * KIB);
  await s3.send(new PutObjectCommand({ Bucket, Key: "without", Body }));
  await network.startNode(lost.id);
  await timed("caught up", () =>
    eventually(
      "a validator that has caught up",
      async () => {
        const [own, all] = await Promise.all([
          heightOf(lost.endpoint).catch(() => 0),
          heightOf(network.ready.rpc),
        ]);
        return own >= later && own >= all - 2 ? own : undefined;
      },
      { timeoutMs: 60_000 },
    ),
  );
});
