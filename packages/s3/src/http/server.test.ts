import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { MIB } from "@cess/std/units";
import { sendRaw, signRaw } from "../testing/raw-client.ts";
import { shareGateway } from "../testing/shared-gateway.ts";
import { startTestGateway } from "../testing/test-gateway.ts";

const shared = shareGateway();
const Bucket = "bucket";
const PUT = { method: "PUT", path: "/bucket/upload", payloadHash: "UNSIGNED-PAYLOAD" };

async function isStored(): Promise<boolean> {
  const listing = await shared.client.send(new ListObjectsV2Command({ Bucket, Prefix: "upload" }));
  return listing.KeyCount !== 0;
}

test("a client that sends its whole body before it reads still gets the refusal", async () => {
  const forged = { ...shared.setup.credential, secretAccessKey: "forged" };
  const body = randomBytes(12 * MIB);
  const answer = await sendRaw(shared.setup.endpoint, forged, { ...PUT, body });
  assert.deepEqual([answer.status, answer.code], [403, "SignatureDoesNotMatch"]);
  assert(!(await isStored()));
});

test("Expect: a body is asked for only when the request is found good", async () => {
  const { endpoint, credential } = shared.setup;
  const { hostname, port } = new URL(endpoint);
  const send = (secretAccessKey: string) =>
    new Promise<{ readonly status: number; readonly isAsked: boolean }>((resolve, reject) => {
      const { headers } = signRaw(endpoint, { ...credential, secretAccessKey }, PUT);
      const withExpect = { ...headers, expect: "100-continue", "content-length": "5" };
      const options = { hostname, port, method: "PUT", path: PUT.path, headers: withExpect };
      let isAsked = false;
      const outgoing = request({ ...options, agent: false }, (incoming) => {
        incoming.resume();
        resolve({ status: incoming.statusCode ?? 0, isAsked });
        outgoing.destroy();
      });
      outgoing.on("continue", () => {
        isAsked = true;
        outgoing.end("hello");
      });
      outgoing.on("error", reject);
      outgoing.flushHeaders();
    });
  assert.deepEqual(await send("forged"), { status: 403, isAsked: false });
  assert.deepEqual(await send(credential.secretAccessKey), { status: 200, isAsked: true });
  assert(await isStored());
  await sendRaw(endpoint, credential, { ...PUT, method: "DELETE" });
});

test("when the client goes away in the middle of an upload, nothing is stored", async () => {
  const { endpoint, credential, network } = shared.setup;
  const before = network.extents.size;
  for (const sizeBytes of [MIB / 2, 20 * MIB]) {
    const { headers } = signRaw(endpoint, credential, PUT);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const { hostname, port } = new URL(endpoint);
    const socket = connect(Number(port), hostname);
    const head = `PUT ${PUT.path} HTTP/1.1\r\n${lines.join("")}content-length: ${sizeBytes}\r\n\r\n`;
    socket.write(head);
    await new Promise<void>((resolve) =>
      socket.write(Buffer.alloc(sizeBytes / 2), () => resolve()),
    );
    const gone = new Promise((resolve) => socket.once("close", resolve));
    socket.resetAndDestroy();
    await gone;
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert(!(await isStored()));
  assert.equal(network.extents.size, before);
});

test("stop lets what is nearly done end, cuts off the rest, and leaves nothing running", async () => {
  await using setup = await startTestGateway();
  const { client, network, endpoint, credential } = setup;
  await client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  const raw = { ...PUT, body: "waits", headers: { "x-cess-durability": "declared" } };
  const waiting = sendRaw(endpoint, credential, raw);
  const { headers } = signRaw(endpoint, credential, PUT);
  const { hostname, port } = new URL(endpoint);
  const unfinished = request({ hostname, port, ...PUT, headers, agent: false });
  unfinished.setHeader("content-length", 100);
  const cutOff = new Promise((resolve) => unfinished.on("error", resolve));
  unfinished.write("half");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const stopped = setup.gateway.stop();
  network.isReachable = true;
  assert.equal((await waiting).status, 200);
  await stopped;
  await cutOff;
  await assert.rejects(client.send(new ListObjectsV2Command({ Bucket })), { code: "ECONNREFUSED" });
});

test("a slow reader holds the network back instead of filling memory", async () => {
  const { client, network } = shared.setup;
  const Body = randomBytes(64 * MIB);
  await client.send(new PutObjectCommand({ Bucket, Key: "slow", Body }));
  const before = network.readBytes;
  const got = await client.send(new GetObjectCommand({ Bucket, Key: "slow" }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const readAhead = network.readBytes - before;
  assert(readAhead < 16 * MIB, `${readAhead} bytes read for a client that has taken none`);
  assert(Body.equals((await got.Body?.transformToByteArray()) ?? Buffer.of()));
});
