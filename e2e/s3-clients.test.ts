/** S3 as its clients really speak it: the AWS command line and the AWS SDK, unmodified. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import {
  ChecksumAlgorithm,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createChain, territoryOf } from "./harness/chain.ts";
import {
  content,
  contentBytes,
  contentHash,
  GIB,
  hashOf,
  hashOfFile,
  KIB,
  MIB,
  writeContentFile,
} from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import { aws, createS3, getBytes, getHash, refusalOf } from "./harness/s3.ts";
import { eventually, inParallel, say, timed } from "./harness/wait.ts";

const network = new LocalNetwork({ portBase: 20_200 });
const folder = mkdtempSync(join(tmpdir(), "cess-e2e-files-"));
const Bucket = "clients";
let s3: S3Client;

before(async () => {
  await network.up();
  s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await network.remove();
});

async function cli(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await aws(network.ready, args);
  assert.equal(code, 0, stderr);
  return stdout;
}

test("the AWS command line copies 1 GiB up and down: same SHA-256", async () => {
  const up = join(folder, "up");
  const down = join(folder, "down");
  await writeContentFile(up, "gigabyte", GIB);
  const s3cp = ["s3", "cp", "--no-progress"];
  await timed("aws s3 cp of 1 GiB up", () => cli(...s3cp, up, `s3://${Bucket}/big`));
  await timed("aws s3 cp of 1 GiB down", () => cli(...s3cp, `s3://${Bucket}/big`, down));
  assert.equal(await hashOfFile(down), contentHash("gigabyte", GIB));
  await cli("s3", "rm", `s3://${Bucket}/big`);
  rmSync(up);
  rmSync(down);
});

test("the AWS command line makes buckets, lists, syncs and removes", async () => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "deep/er"), { recursive: true });
  const names = ["a.txt", "b c+d.txt", "deep/ü.txt", "deep/er/empty"];
  for (const name of names) {
    writeFileSync(join(tree, name), name.endsWith("empty") ? "" : `content of ${name}`);
  }
  await cli("s3", "mb", "s3://synced");
  await cli("s3", "sync", tree, "s3://synced/t");
  const listed = await cli("s3", "ls", "--recursive", "s3://synced");
  for (const name of names) assert(listed.includes(`t/${name}`), `${name} in\n${listed}`);
  assert.match(await cli("s3", "ls", "s3://synced/t/"), /PRE deep\//);
  assert.match(await cli("s3", "ls"), /synced/);

  assert.equal((await cli("s3", "sync", tree, "s3://synced/t")).trim(), "", "nothing changed");
  const back = join(folder, "back");
  await cli("s3", "sync", "s3://synced/t", back);
  for (const name of names) {
    assert.equal(await hashOfFile(join(back, name)), await hashOfFile(join(tree, name)), name);
  }
  await cli("s3", "rm", "--recursive", "s3://synced");
  assert.equal(await cli("s3", "ls", "--recursive", "s3://synced").catch(() => ""), "");
  await cli("s3", "rb", "s3://synced");
  assert.doesNotMatch(await cli("s3", "ls"), /synced/);
});

test("the AWS SDK uploads a stream in parts, and reads any range of it", async () => {
  const sizeBytes = 41 * MIB + 4321;
  const name = { Bucket, Key: "parts" };
  const Body = Readable.from(content("parts", sizeBytes));
  const upload = new Upload({
    client: s3,
    params: { ...name, Body, ContentType: "text/x-parts", Metadata: { colour: "blue" } },
    partSize: 5 * MIB,
  });
  await upload.done();
  assert.equal(await getHash(s3, name), contentHash("parts", sizeBytes));
  const head = await s3.send(new HeadObjectCommand(name));
  assert.equal(head.ContentLength, sizeBytes);
  assert.equal(head.ContentType, "text/x-parts");
  assert.deepEqual(head.Metadata, { colour: "blue" });
  assert.match(head.ETag ?? "", /-9"$/);

  const whole = contentBytes("parts", sizeBytes);
  const ranges: readonly (readonly [first: number, last: number])[] = [
    [0, 0],
    [65_535, 65_536],
    [5 * MIB - 1, 5 * MIB],
    [3 * MIB + 1, 12 * MIB + 77],
    [sizeBytes - 1, sizeBytes - 1],
  ];
  for (const [first, last] of ranges) {
    const bytes = await getBytes(s3, name, `bytes=${first}-${last}`);
    assert(bytes.equals(whole.subarray(first, last + 1)), `${first}-${last}`);
  }
  assert((await getBytes(s3, name, "bytes=-10")).equals(whole.subarray(-10)));
  const open = await getBytes(s3, name, `bytes=${sizeBytes - 7}-`);
  assert(open.equals(whole.subarray(-7)));
  const part = await s3.send(new GetObjectCommand({ ...name, Range: "bytes=10-19" }));
  assert.equal(part.ContentRange, `bytes 10-19/${sizeBytes}`);
  assert.equal(part.$metadata.httpStatusCode, 206);
});

test("the AWS SDK lists by prefix, by delimiter and in pages", async () => {
  const Bucket = "listed";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const keys = [
    ...Array.from({ length: 23 }, (_, index) => `logs/2026/${String(index).padStart(2, "0")}`),
    "logs/readme",
    "odd/a b+c%20&=?/ü€😀",
    "odd//double",
    "zebra",
  ].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  await inParallel(keys, 8, async (Key) => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  });
  const paged: string[] = [];
  let pages = 0;
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 10 }, { Bucket })) {
    pages += 1;
    paged.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
  }
  assert.equal(pages, 3);
  assert.deepEqual(paged, keys);

  const list = async (options: { Prefix?: string; Delimiter?: string; StartAfter?: string }) => {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, ...options }));
    return {
      keys: page.Contents?.map(({ Key }) => Key) ?? [],
      prefixes: page.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? [],
    };
  };
  assert.deepEqual(await list({ Delimiter: "/" }), {
    keys: ["zebra"],
    prefixes: ["logs/", "odd/"],
  });
  assert.deepEqual(await list({ Prefix: "logs/", Delimiter: "/" }), {
    keys: ["logs/readme"],
    prefixes: ["logs/2026/"],
  });
  assert.deepEqual(await list({ Prefix: "logs/2026/2" }), {
    keys: ["logs/2026/20", "logs/2026/21", "logs/2026/22"],
    prefixes: [],
  });
  assert.deepEqual((await list({ StartAfter: "logs/readme" })).keys, keys.slice(24));
  for (const Key of keys) assert.equal((await getBytes(s3, { Bucket, Key })).toString(), Key);

  const Objects = keys.map((Key) => ({ Key }));
  const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.equal(gone.Deleted?.length, keys.length);
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
});

test("the AWS SDK shares objects by presigned URLs", async () => {
  const name = { Bucket, Key: "presigned" };
  const body = contentBytes("presigned", 2 * MIB);
  const putURL = await getSignedUrl(s3, new PutObjectCommand(name), { expiresIn: 60 });
  const put = await fetch(putURL, { method: "PUT", body });
  assert.equal(put.status, 200, await put.text());
  const getURL = await getSignedUrl(s3, new GetObjectCommand(name), { expiresIn: 60 });
  const got = Buffer.from(await (await fetch(getURL)).arrayBuffer());
  assert(got.equals(body));
  const other = await fetch(getURL.replace("/presigned?", "/parts?"));
  assert.equal(other.status, 403, "a URL is good for its object only");
});

test("the AWS SDK has its checksums kept and returned", async () => {
  const Body = contentBytes("checksums", 300 * KIB);
  for (const algorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"] as const) {
    const name = { Bucket, Key: `checksum-${algorithm}` };
    const ChecksumAlgorithmName = ChecksumAlgorithm[algorithm];
    const put = await s3.send(
      new PutObjectCommand({ ...name, Body, ChecksumAlgorithm: ChecksumAlgorithmName }),
    );
    const head = await s3.send(new HeadObjectCommand({ ...name, ChecksumMode: "ENABLED" }));
    assert(put[`Checksum${algorithm}`]);
    assert.equal(head[`Checksum${algorithm}`], put[`Checksum${algorithm}`], algorithm);
    assert((await getBytes(s3, name)).equals(Body));
  }
});

test("the AWS SDK writes and reads on conditions", async () => {
  const name = { Bucket, Key: "conditional" };
  const put = new PutObjectCommand({ ...name, Body: "one", IfNoneMatch: "*" });
  const { ETag } = await s3.send(put);
  const twice = new PutObjectCommand({ ...name, Body: "two", IfNoneMatch: "*" });
  const failed = { name: "PreconditionFailed", status: 412 };
  assert.deepEqual(await refusalOf(s3.send(twice)), failed);
  const stale = new PutObjectCommand({ ...name, Body: "two", IfMatch: '"00"' });
  assert.deepEqual(await refusalOf(s3.send(stale)), failed);
  assert.equal((await getBytes(s3, name)).toString(), "one");
  const known = new GetObjectCommand({ ...name, IfNoneMatch: ETag });
  assert.equal((await refusalOf(s3.send(known))).status, 304);
  await s3.send(new PutObjectCommand({ ...name, Body: "two", IfMatch: ETag }));
  assert.equal((await getBytes(s3, name)).toString(), "two");
});

test("small objects cost at most 1.1 of their coded size: 600 of 10 KiB", async () => {
  const chain = createChain(network.ready);
  const usedBytes = async () => Number((await territoryOf(chain, network.ready)).usedBytes);
  const settled = async () => {
    let last = -1;
    return eventually(
      "a territory that does not change",
      async () => {
        const now = await usedBytes();
        const isSame = now === last;
        last = now;
        return isSame ? now : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 5_000 },
    );
  };
  const startBytes = await settled();
  const codedBytes = 600 * 10 * KIB * 3;
  await inParallel(Array.from({ length: 600 }), 32, async (_, index) => {
    const Body = contentBytes(`tiny-${index}`, 10 * KIB);
    await s3.send(new PutObjectCommand({ Bucket, Key: `tiny/${index}`, Body }));
  });
  const costBytes = (await settled()) - startBytes;
  const ratio = costBytes / codedBytes;
  say(`600 × 10 KiB cost ${(costBytes / MIB).toFixed(1)} MiB, ${ratio.toFixed(3)} × coded size`);
  assert(costBytes >= codedBytes, "not all of it is on the chain");
  assert(ratio <= 1.1);
});

test("small objects come back right after a restart: 2,000 of mixed size", async () => {
  const sizeOf = (index: number) => (index % 100 === 0 ? 0 : (index * 7919) % (200 * KIB));
  const indexes = Array.from({ length: 2000 }, (_, index) => index);
  await timed("2,000 PUTs, 32 at once", () =>
    inParallel(indexes, 32, async (index) => {
      const Body = contentBytes(`small-${index}`, sizeOf(index));
      await s3.send(new PutObjectCommand({ Bucket, Key: `small/${index}`, Body }));
    }),
  );
  await network.down();
  await network.up();
  await timed("2,000 GETs, 32 at once", () =>
    inParallel(indexes, 32, async (index) => {
      const bytes = await getBytes(s3, { Bucket, Key: `small/${index}` });
      assert.equal(bytes.length, sizeOf(index), `size of ${index}`);
      const hash = await hashOf([bytes]);
      assert.equal(hash, contentHash(`small-${index}`, sizeOf(index)), `${index}`);
    }),
  );
});
