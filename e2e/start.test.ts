/** `cess dev` as a newcomer meets it: up at once, small, and there again after a restart. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { callRPC, heightOf } from "./harness/chain.ts";
import { contentHash, MIB } from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import {
  descendantsOf,
  isAlive,
  proportionalBytes,
  residentBytes,
  runCess,
} from "./harness/process.ts";
import { createS3, getHash, putContent } from "./harness/s3.ts";
import { say } from "./harness/wait.ts";

const READY_MS_MAX = 15_000;
const IDLE_BYTES_MAX = 1.5 * 1024 * MIB;
const PORT_BASE = 20_000;
const KEPT = { Bucket: "first", Key: "kept" };

const network = new LocalNetwork({ portBase: PORT_BASE });
let firstPutMs = 0;

before(async () => {
  const startMs = performance.now();
  await network.up();
  const s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket: "first" }));
  await putContent(s3, KEPT, { seed: "kept", sizeBytes: 3 * MIB });
  firstPutMs = performance.now() - startMs;
});
after(() => network.remove());

test("a local network takes a PUT 15 s after the command", () => {
  say(`first PUT done after ${(firstPutMs / 1000).toFixed(1)} s`);
  assert(network.startMs <= READY_MS_MAX, `ready after ${network.startMs.toFixed(0)} ms`);
});

test("a local network says where everything is in one line of JSON", () => {
  const { ready, dataDir } = network;
  assert.equal(ready.rpc, `http://127.0.0.1:${PORT_BASE + 10}`);
  assert.equal(ready.chainId, 11330);
  assert.deepEqual(Object.keys(ready.s3), ["endpoint", "region", "accessKeyId", "secretAccessKey"]);
  assert.equal(ready.s3.endpoint, `http://127.0.0.1:${PORT_BASE}`);
  const counts = Map.groupBy(ready.nodes, ({ role }) => role);
  const expected = { validator: 4, storage: 12, tee: 1, gateway: 1 };
  for (const [role, count] of Object.entries(expected)) {
    assert.equal(counts.get(role as "tee")?.length, count, role);
  }
  for (const node of ready.nodes) {
    assert.deepEqual(Object.keys(node), ["id", "role", "endpoint", "dataDir"]);
    assert.equal(node.dataDir, join(dataDir, node.id));
    assert.match(node.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
  }
});

test("a local network takes less than 1.5 GiB when idle", async () => {
  await sleep(3_000);
  const pids = [network.pid, ...descendantsOf(network.pid)];
  const sumOf = (bytesOf: (pid: number) => number) =>
    pids.reduce((sum, pid) => sum + bytesOf(pid), 0);
  const idleBytes = sumOf(proportionalBytes);
  const toMiB = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
  say(`idle: ${toMiB(idleBytes)} in ${pids.length} processes`);
  say(`(${toMiB(sumOf(residentBytes))} if shared pages are counted for each process)`);
  assert(idleBytes > 50 * MIB, "the figure cannot be right");
  assert(idleBytes < IDLE_BYTES_MAX);
});

test("a local network shows what each node does", async () => {
  const table = await network.dev("status");
  assert.equal(table.code, 0, table.stderr);
  for (const { id, endpoint } of network.ready.nodes) {
    const row = table.stdout.split("\n").find((line) => line.includes(` ${id} `));
    assert(row?.startsWith("up") && row.includes(endpoint), `${id}: ${row}`);
  }
  const nodes = await network.status();
  assert(nodes.every(({ isRunning, pid }) => isRunning && isAlive(pid ?? 0)));
});

test("a local network refuses what it cannot do in one clear sentence", async () => {
  const unknown = await network.dev("kill", "nosuch");
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /^cess: there is no node nosuch; there are validator-0, /);

  // Not even with --fresh: the data of a network that runs is never deleted.
  const args = ["--fresh", "--data", network.dataDir, "--port-base", `${PORT_BASE + 150}`];
  const again = await runCess("dev", ...args);
  assert.notEqual(again.code, 0);
  assert.match(again.stderr, /cess: a network already runs on .*; end it with: cess dev stop/);
  assert.equal(await getHash(createS3(network.ready), KEPT), contentHash("kept", 3 * MIB));

  const option = await runCess("dev", "--storage", "none");
  assert.notEqual(option.code, 0);
  assert.match(option.stderr, /whole number/);
  assert((await network.status()).every(({ isRunning }) => isRunning));
});

test("a local network says which port is taken, and leaves nothing behind", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "cess-e2e-"));
  try {
    const args = ["--data", dataDir, "--port-base", `${PORT_BASE}`];
    const { code, stderr } = await runCess("dev", "--json", ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, /port \d+ is taken/);
    const status = await runCess("dev", "status", "--data", dataDir);
    assert.match(status.stderr, /^cess: no network runs on /);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a local network goes on where it was when it is started again", async () => {
  const { rpc } = network.ready;
  const height = await heightOf(rpc);
  const hashOf = async () => {
    const block = await callRPC<{ hash: string }>(rpc, "eth_getBlockByNumber", ["0x1", false]);
    return block.hash;
  };
  const firstHash = await hashOf();
  const pids = [network.pid, ...descendantsOf(network.pid)];

  const stop = await network.dev("stop");
  assert.equal(stop.code, 0, stop.stderr);
  await network.down();
  assert.deepEqual(pids.filter(isAlive), [], "processes are left");

  const before = network.ready;
  assert.deepEqual(await network.up(), before, "another network came up");
  assert.equal(await hashOf(), firstHash);
  assert((await heightOf(rpc)) >= height);
  const hash = await getHash(createS3(network.ready), KEPT);
  assert.equal(hash, contentHash("kept", 3 * MIB));
});
