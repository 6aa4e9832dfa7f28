import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { MIB } from "@cess/std/units";
import { shareGateway } from "../testing/shared-gateway.ts";

const shared = shareGateway();
const Bucket = "bucket";
const PART = 5 * MIB;

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const command = new CreateMultipartUploadCommand({ Bucket, Key, ...more });
  const { UploadId } = await shared.setup.client.send(command);
  return { Bucket, Key, UploadId };
}

type UploadName = Awaited<ReturnType<typeof begin>>;

async function sendPart(upload: UploadName, PartNumber: number, Body: Uint8Array) {
  const command = new UploadPartCommand({ ...upload, PartNumber, Body });
  const { $metadata, ...part } = await shared.setup.client.send(command);
  return { ...part, PartNumber };
}

function complete(upload: UploadName, Parts: CompletedPart[], more: object = {}) {
  const command = { ...upload, MultipartUpload: { Parts }, ...more };
  return shared.setup.client.send(new CompleteMultipartUploadCommand(command));
}

async function read(Key: string, more: object = {}) {
  const got = await shared.setup.client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from((await got.Body?.transformToByteArray()) ?? []);
}

test("parts in any order become one object, across a restart", async () => {
  const body = randomBytes(2 * PART + 1000);
  const upload = await begin("any-order", { Metadata: { kept: "yes" } });
  const second = await sendPart(upload, 7, body.subarray(PART, 2 * PART));
  await shared.setup.restart();
  const last = await sendPart(upload, 9, body.subarray(2 * PART));
  const first = await sendPart(upload, 2, body.subarray(0, PART));
  const done = await complete(upload, [first, second, last]);
  const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest();
  const digests = [0, PART, 2 * PART].map((at) => md5(body.subarray(at, at + PART)));
  assert.equal(done.ETag, `"${md5(Buffer.concat(digests)).toString("hex")}-3"`);
  assert(body.equals(await read("any-order")));
  assert(
    body
      .subarray(PART - 5, PART + 5)
      .equals(await read("any-order", { Range: `bytes=${PART - 5}-${PART + 4}` })),
  );
  assert(body.subarray(PART, 2 * PART).equals(await read("any-order", { PartNumber: 7 })));
  const head = await shared.setup.client.send(
    new HeadObjectCommand({ Bucket, Key: "any-order", PartNumber: 9 }),
  );
  assert.deepEqual([head.PartsCount, head.ContentLength], [3, 1000]);
  await assert.rejects(read("any-order", { PartNumber: 3 }), { name: "InvalidPartNumber" });
  const whole = await shared.setup.client.send(new HeadObjectCommand({ Bucket, Key: "any-order" }));
  assert.deepEqual([whole.Metadata, whole.ContentLength], [{ kept: "yes" }, body.length]);
  const retry = await complete(upload, [first, second, last]);
  assert.equal(retry.ETag, done.ETag);
});

test("a completion that does not fit the parts is refused, and the upload goes on", async () => {
  const upload = await begin("refused");
  const small = await sendPart(upload, 1, Buffer.from("small"));
  const other = await sendPart(upload, 2, Buffer.from("other"));
  const cases = [
    [[small, other], "EntityTooSmall"],
    [[other, small], "InvalidPartOrder"],
    [[small, { ...small }], "InvalidPartOrder"],
    [[{ ...small, PartNumber: 5 }], "InvalidPart"],
    [[{ ...small, ETag: '"00"' }], "InvalidPart"],
    [[{ ...small, ChecksumCRC32: "AAAAAA==" }], "InvalidPart"],
    [[], "MalformedXML"],
  ] as const;
  for (const [parts, name] of cases) {
    await assert.rejects(complete(upload, [...parts]), { name });
  }
  await assert.rejects(complete(upload, [small], { MpuObjectSize: 6 }), { name: "InvalidRequest" });
  await complete(upload, [small]);
  assert.equal(String(await read("refused")), "small");
});

test("what an upload leaves unused is given back to the network", async () => {
  const { network } = shared.setup;
  const before = network.removed.size;
  const upload = await begin("given-back");
  const replaced = await sendPart(upload, 1, randomBytes(PART));
  const first = await sendPart(upload, 1, randomBytes(PART));
  await sendPart(upload, 2, randomBytes(100));
  const last = await sendPart(upload, 3, randomBytes(100));
  assert.notEqual(replaced.ETag, first.ETag);
  await complete(upload, [first, last]);
  await eventually(() => network.removed.size === before + 2);
  const aborted = await begin("aborted");
  await sendPart(aborted, 1, randomBytes(100));
  await shared.setup.client.send(new AbortMultipartUploadCommand(aborted));
  await eventually(() => network.removed.size === before + 3);
  await assert.rejects(sendPart(aborted, 2, Buffer.of(1)), { name: "NoSuchUpload" });
  await assert.rejects(complete(aborted, [first]), { name: "NoSuchUpload" });
  await shared.setup.client.send(new DeleteObjectCommand({ Bucket, Key: "given-back" }));
  await eventually(() => network.removed.size === before + 5);
});

test("checksums of parts join to composite and full ones", async () => {
  const body = randomBytes(PART + 10);
  const whole = await shared.setup.client.send(
    new PutObjectCommand({ Bucket, Key: "whole", Body: body, ChecksumAlgorithm: "CRC64NVME" }),
  );
  const cases = [
    ["CRC64NVME", undefined, whole.ChecksumCRC64NVME],
    ["CRC32", "FULL_OBJECT", undefined],
    ["CRC32", undefined, undefined],
    ["SHA256", "COMPOSITE", undefined],
  ] as const;
  for (const [ChecksumAlgorithm, ChecksumType, expected] of cases) {
    const upload = await begin("joined", { ChecksumAlgorithm, ChecksumType });
    const send = async (PartNumber: number, Body: Uint8Array) => {
      const command = new UploadPartCommand({ ...upload, PartNumber, Body, ChecksumAlgorithm });
      return { ...(await shared.setup.client.send(command)), PartNumber };
    };
    const parts = [await send(1, body.subarray(0, PART)), await send(2, body.subarray(PART))];
    const done = await complete(upload, parts);
    const field = `Checksum${ChecksumAlgorithm}` as const;
    assert.equal(done.ChecksumType, ChecksumType ?? (expected ? "FULL_OBJECT" : "COMPOSITE"));
    assert.equal(done[field]?.endsWith("-2"), done.ChecksumType === "COMPOSITE");
    if (expected !== undefined) assert.equal(done[field], expected);
    assert(body.equals(await read("joined", { ChecksumMode: "ENABLED" })));
  }
  const attributes = await shared.setup.client.send(
    new GetObjectAttributesCommand({
      Bucket,
      Key: "joined",
      ObjectAttributes: ["ObjectParts"],
      MaxParts: 1,
    }),
  );
  const { TotalPartsCount, IsTruncated, Parts } = attributes.ObjectParts ?? {};
  assert.deepEqual([TotalPartsCount, IsTruncated, Parts?.[0]?.Size], [2, true, PART]);
  const bad = begin("joined", { ChecksumAlgorithm: "SHA1", ChecksumType: "FULL_OBJECT" });
  await assert.rejects(bad, { name: "InvalidRequest" });
});

test("parts are copied from objects and from ranges of them", async () => {
  const body = randomBytes(PART + 100);
  await shared.setup.client.send(new PutObjectCommand({ Bucket, Key: "part-source", Body: body }));
  const upload = await begin("part-copies");
  const copy = async (PartNumber: number, CopySourceRange: string) => {
    const CopySource = `${Bucket}/part-source`;
    const command = { ...upload, PartNumber, CopySource, CopySourceRange };
    const { CopyPartResult } = await shared.setup.client.send(new UploadPartCopyCommand(command));
    return { PartNumber, ETag: CopyPartResult?.ETag };
  };
  const parts = [await copy(1, `bytes=100-${PART + 99}`), await copy(2, "bytes=0-99")];
  await assert.rejects(copy(3, `bytes=0-${PART + 100}`), { name: "InvalidRange" });
  await assert.rejects(copy(3, "bytes=-5"), { name: "InvalidArgument" });
  await complete(upload, parts);
  const expected = Buffer.concat([body.subarray(100), body.subarray(0, 100)]);
  assert(expected.equals(await read("part-copies")));
  const CopySource = `${Bucket}/part-copies`;
  const { client } = shared.setup;
  await client.send(new CopyObjectCommand({ Bucket, Key: "copy-of-parts", CopySource }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: "part-copies" }));
  assert(expected.equals(await read("copy-of-parts")));
});

test("uploads and parts are listed in pages", async () => {
  const { client } = shared.setup;
  const uploads = [];
  for (const key of ["list/a", "list/a", "list/b/c", "list/d"]) uploads.push(await begin(key));
  const seen: string[] = [];
  let marker: object = {};
  for (let page = 0; page < 10; page += 1) {
    const listed = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: "list/", MaxUploads: 1, ...marker }),
    );
    seen.push(...(listed.Uploads ?? []).map((upload) => `${upload.Key} ${upload.UploadId}`));
    if (!listed.IsTruncated) break;
    marker = { KeyMarker: listed.NextKeyMarker, UploadIdMarker: listed.NextUploadIdMarker };
  }
  const expected = uploads.map(({ Key, UploadId }) => `${Key} ${UploadId}`);
  assert.deepEqual(seen.sort(), expected.sort());
  const rolled = await client.send(
    new ListMultipartUploadsCommand({ Bucket, Prefix: "list/", Delimiter: "/" }),
  );
  assert.deepEqual(rolled.CommonPrefixes, [{ Prefix: "list/b/" }]);
  assert.equal(rolled.Uploads?.length, 3);
  const upload = await begin("list/parts");
  for (const number of [1, 3, 4]) await sendPart(upload, number, Buffer.from(`${number}`));
  const first = await client.send(new ListPartsCommand({ ...upload, MaxParts: 2 }));
  assert.deepEqual(
    [
      first.Parts?.map(({ PartNumber }) => PartNumber),
      first.IsTruncated,
      first.NextPartNumberMarker,
    ],
    [[1, 3], true, "3"],
  );
  const next = await client.send(new ListPartsCommand({ ...upload, PartNumberMarker: "3" }));
  assert.deepEqual([next.Parts?.length, next.IsTruncated], [1, false]);
});

test("lib-storage uploads a large stream in parallel parts", async () => {
  const body = randomBytes(3 * PART + 17);
  const params = { Bucket, Key: "managed", Body: body };
  await new Upload({ client: shared.setup.client, params, partSize: PART }).done();
  assert(body.equals(await read("managed")));
});

async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(holds());
}
