import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { decode, encode } from "@cess/codec/codec";
import type { Metrics } from "@cess/runtime/metrics";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import type { Declarer } from "@cess/storage-client/file-store";
import { createDeclarationLog } from "./declaration-log.ts";
import { claimPart, keyOf } from "./index/keys.ts";
import { openLMDBStore } from "./index/lmdb-store.ts";
import type { MetaStore, MetaWriter } from "./index/meta-store.ts";
import { declarationCodec, refusedCodec } from "./index/records.ts";
import {
  createMemoryNetwork,
  declarationOf,
  type MemoryNetwork,
  RECEIPT_BLOCKS,
} from "./testing/memory-file-store.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const Bucket = "bucket";
const NO_EXTENT = {
  fileSizeBytes: 1,
  offset: 0,
  sealedBytes: 1,
  sizeBytes: 1,
  dataKey: new Uint8Array(32),
};

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

interface LogFixture {
  readonly metaStore: MetaStore;
  readonly metrics: Metrics;
}

/** The log alone, over a store that `fill` has written to. */
async function withLog(
  fill: (writer: MetaWriter) => void,
  network: MemoryNetwork,
  holds: (log: LogFixture) => boolean | Promise<boolean>,
): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "declaration-log-"));
  const metaStore = openLMDBStore({ path, sizeBytesMax: 64 * MIB });
  await metaStore.update(fill);
  const { declarer, fileStore } = network;
  const metrics = createPrometheusMetrics();
  const log = createDeclarationLog(
    { metaStore, declarer, fileStore, clock: systemClock, log: silentLogger, metrics },
    { intervalMs: 1, retryMs: 1, refusedRetryMs: 3_600_000 },
  );
  await log.start();
  try {
    await eventually(() => holds({ metaStore, metrics }));
  } finally {
    await log.stop();
    await metaStore.close();
    rmSync(path, { recursive: true });
  }
}

const numbered = (index: number): Hex => `0x${index.toString(16).padStart(64, "0")}`;

test("a territory whose removals are refused does not hold up those of others", async () => {
  const network = createMemoryNetwork();
  const { declarer } = network;
  const sizes: number[] = [];
  const choosy: Declarer = {
    ...declarer,
    async remove(territory, fids, signal) {
      sizes.push(fids.length);
      if (territory === numbered(1)) throw new RangeError("the authorisation is over");
      await declarer.remove(territory, fids, signal);
    },
  };
  const fill = (writer: MetaWriter) => {
    for (let index = 0; index < 200; index += 1) {
      const claim = { territory: numbered(1 + (index % 3)), fid: numbered(index) };
      writer.put(keyOf("removal", claimPart(claim)), new Uint8Array(0));
    }
  };
  await withLog(fill, { ...network, declarer: choosy }, () => network.removed.size === 133);
  assert(
    sizes.every((size) => size <= 64),
    "the chain takes 64 in a call",
  );
});

test("a refused declaration is tried again behind a thousand that still have to wait", async () => {
  const network = createMemoryNetwork();
  const fill = (writer: MetaWriter) => {
    for (let index = 0; index <= 1000; index += 1) {
      const extent = { fid: numbered(index), territory: numbered(1), profileId: 0 };
      const declaration = declarationOf({ ...NO_EXTENT, ...extent });
      const retryMs = index === 1000 ? 0 : systemClock.wallMs() + 3_600_000;
      const record = encode(refusedCodec, { declaration, attempts: 1, retryMs, renewMs: 0 });
      writer.put(keyOf("refused", claimPart(declaration)), record);
    }
  };
  await withLog(fill, network, () => network.declared.size === 1);
  assert(network.declared.has(numbered(1000)));
});

test("a declaration that is refused for long has its receipts renewed, and is declared then", async () => {
  await using setup = await startTestGateway();
  const { network } = setup;
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  await put(setup, "waits");
  await setup.restart();
  const [fid] = [...network.remembered];
  assert(fid !== undefined);
  network.refused.add(fid);
  network.isReachable = true;
  const metric = (pattern: RegExp) => metricsOf(setup).then((text) => pattern.test(text));
  await eventually(() => metric(/s3_declarations_refused_count 1/));
  // Past the expiry of its first receipts, and not a try is due.
  network.height = RECEIPT_BLOCKS + 1;
  await eventually(() => metric(/s3_renewals_total\{outcome="renewed"\} 1/));
  assert.equal(network.declared.size, 0);
  network.refused.clear();
  await eventually(() => network.declared.has(fid));
});

test("a declaration that waits for a chain that is away has its receipts renewed meanwhile", async () => {
  await using setup = await startTestGateway();
  const { network } = setup;
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  network.isReachable = false;
  await put(setup, "waits");
  network.height = RECEIPT_BLOCKS - 10;
  await eventually(async () => /outcome="renewed"\} 1/.test(await metricsOf(setup)));
  network.height = RECEIPT_BLOCKS + 1;
  network.isReachable = true;
  await eventually(() => network.declared.size === 1);
  assert.doesNotMatch(await metricsOf(setup), /s3_declaration_batches_total\{outcome="refused"\}/);
});

for (const table of ["declaration", "refused"] as const) {
  test(`a ${table} that can neither be declared nor renewed stays, and is counted`, async () => {
    const network = createMemoryNetwork();
    const extent = { fid: numbered(1), territory: numbered(1), profileId: 0 };
    const declaration = declarationOf({ ...NO_EXTENT, ...extent });
    network.dropped.add(declaration.fid);
    network.height = RECEIPT_BLOCKS + 1;
    const refused = { declaration, attempts: 1, retryMs: 0, renewMs: 0 };
    const fill = (writer: MetaWriter) => {
      const record =
        table === "refused" ? encode(refusedCodec, refused) : encode(declarationCodec, declaration);
      writer.put(keyOf(table, claimPart(declaration)), record);
    };
    await withLog(fill, network, async ({ metaStore, metrics }) => {
      const kept = metaStore.get(keyOf("refused", claimPart(declaration)));
      const text = await metrics.render();
      if (kept === undefined) return false;
      assert.deepEqual(decode(refusedCodec, kept).declaration, declaration);
      const isFailed = /s3_renewals_total\{outcome="failed"\} 1/.test(text);
      return isFailed && /s3_declarations_stranded_count 1/.test(text);
    });
    assert.equal(network.declared.size, 0);
  });
}

test("a record of another version is refused, and says so", async () => {
  const declaration = declarationOf({
    ...NO_EXTENT,
    fid: numbered(1),
    territory: numbered(1),
    profileId: 0,
  });
  const record = encode(declarationCodec, declaration);
  assert.deepEqual(decode(declarationCodec, record), declaration);
  record[0] = 1;
  assert.throws(
    () => decode(declarationCodec, record),
    /CODEC_VERSION.*"version":1,"wantVersion":2/,
  );
});

test("the admin listener tells health and metrics", async () => {
  await using setup = await startTestGateway();
  await setup.client.send(new CreateBucketCommand({ Bucket }));
  const admin = `http://127.0.0.1:${setup.gateway.adminPort}`;
  assert.deepEqual(await (await fetch(`${admin}/health`)).json(), { status: "ok" });
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  assert.match(metrics, /s3_requests_total\{operation="CreateBucket",status="200"\} 1/);
});

async function metricsOf({ gateway }: TestGateway): Promise<string> {
  return (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await holds()) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert(await holds());
}
