/** Every node a process of its own, as operators run them: 4 + 12 + 1 + 1, validators over TCP. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { callRPC, heightOf } from "./harness/chain.ts";
import { content, contentHash, KIB, MIB } from "./harness/content.ts";
import { createS3, getHash, putContent } from "./harness/s3.ts";
import { SeparateProcesses } from "./harness/separate-processes.ts";
import { eventually, timed } from "./harness/wait.ts";

const network = new SeparateProcesses({ portBase: 21_600 });
const Bucket = "processes";
let s3: S3Client;

before(async () => {
  await timed("18 processes are up", () => network.up());
  s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => network.remove());

test("objects go in and come out", async () => {
  for (const sizeBytes of [10 * KIB, 40 * MIB]) {
    const Key = `${sizeBytes}`;
    await putContent(s3, { Bucket, Key }, { seed: Key, sizeBytes });
    assert.equal(await getHash(s3, { Bucket, Key }), contentHash(Key, sizeBytes));
  }
  for (const { endpoint } of network.nodes.filter(({ role }) => role === "validator")) {
    const { peerCount } = await callRPC<{ peerCount: number }>(endpoint, "cess_status");
    assert.equal(peerCount, 3, endpoint);
  }
});

test("kill -9 of a storage node in the middle of an upload does not show to the client", async () => {
  const sizeBytes = 64 * MIB;
  async function* losing(): AsyncGenerator<Buffer> {
    let sentBytes = 0;
    for (const piece of content("interrupted", sizeBytes)) {
      if (sentBytes === sizeBytes / 2) await network.killNode("storage-7");
      yield piece;
      sentBytes += piece.length;
    }
  }
  const name = { Bucket, Key: "interrupted" };
  const Body = Readable.from(losing());
  await timed("upload", () =>
    s3.send(new PutObjectCommand({ ...name, Body, ContentLength: sizeBytes })),
  );
  assert.equal(await getHash(s3, name), contentHash("interrupted", sizeBytes));
});

test("kill -9 of a validator: the chain goes on, and it catches up", async () => {
  const lost = network.node("validator-1");
  await network.killNode(lost.id);
  const height = await heightOf(network.ready.rpc);
  await eventually(
    "five more blocks from three validators",
    async () => ((await heightOf(network.ready.rpc)) >= height + 5 ? true : undefined),
    { timeoutMs: 60_000 },
  );
  await network.startNode(lost.id);
  await timed("caught up", () =>
    eventually(
      "a validator that has caught up",
      async () => {
        const [own, all] = await Promise.all([
          heightOf(lost.endpoint).catch(() => 0),
          heightOf(network.ready.rpc),
        ]);
        return own > height + 5 && own >= all - 2 ? own : undefined;
      },
      { timeoutMs: 60_000 },
    ),
  );
});
