/** What is wrong gets a clear error and changes nothing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import { privateKeyToAccount } from "viem/accounts";
import { askRPC, callRPC, createChain, type RPCAnswer, territoryOf } from "./harness/chain.ts";
import { contentBytes, hashOf, KIB, MIB } from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3, getBytes, refusalOf } from "./harness/s3.ts";

const network = new LocalNetwork({ portBase: 20_800 });
const Bucket = "bad-input";
const KEPT = { Bucket, Key: "kept" };
const BODY = contentBytes("kept", 100 * KIB);
let s3: S3Client;
let state: unknown;

before(async () => {
  await network.up();
  s3 = createS3(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ ...KEPT, Body: BODY }));
});
after(() => network.remove());
beforeEach(async () => {
  state = await readState();
});

/** All that a request could have changed: objects, the owner's account, the space in use. */
async function readState(): Promise<unknown> {
  const { rpc, owner } = network.ready;
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
  const nonce = await callRPC<string>(rpc, "eth_getTransactionCount", [owner.account, "pending"]);
  const balance = await callRPC<string>(rpc, "eth_getBalance", [owner.account, "latest"]);
  const { id, totalBytes } = await territoryOf(createChain(network.ready), network.ready);
  const listing = Contents?.map(({ Key, ETag, Size }) => `${Key} ${ETag} ${Size}`);
  const kept = await hashOf([await getBytes(s3, KEPT)]);
  return { listing, kept, nonce, balance, territory: `${id} ${totalBytes}` };
}

async function assertNothingChanged(): Promise<void> {
  assert.deepEqual(await readState(), state);
}

const put = (extra: object = {}) => new PutObjectCommand({ ...KEPT, Body: "other", ...extra });

test("a wrong signature, an unknown key and a skewed clock are refused", async () => {
  const { accessKeyId, secretAccessKey } = network.ready.s3;
  const forger = createS3(network.ready, {
    credentials: { accessKeyId, secretAccessKey: `${secretAccessKey}x` },
  });
  const forbidden = (name: string) => ({ name, status: 403 });
  assert.deepEqual(await refusalOf(forger.send(put())), forbidden("SignatureDoesNotMatch"));
  const stranger = createS3(network.ready, {
    credentials: { accessKeyId: "CESSNOBODY", secretAccessKey },
  });
  assert.deepEqual(await refusalOf(stranger.send(put())), forbidden("InvalidAccessKeyId"));
  const skewed = createS3(network.ready, { systemClockOffset: 3_600_000 });
  assert.deepEqual(await refusalOf(skewed.send(put())), forbidden("RequestTimeTooSkewed"));
  const unsigned = await fetch(`${network.ready.s3.endpoint}/${Bucket}/kept`);
  assert.equal(unsigned.status, 403);
  assert.match(await unsigned.text(), /<Code>AccessDenied<\/Code>/);
  await assertNothingChanged();
});

test("a truncated body is refused", async () => {
  for (const sizeBytes of [10 * KIB, 3 * MIB]) {
    const url = new URL(await getSignedUrl(s3, new PutObjectCommand(KEPT)));
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(url.port), url.hostname);
      let text = "";
      socket.setEncoding("utf8").on("data", (piece) => {
        text += piece;
      });
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
      socket.write(`PUT ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`);
      socket.write(`content-length: ${sizeBytes}\r\n\r\n`);
      // Half of what was announced; then the sending side is closed.
      socket.end(contentBytes("truncated", sizeBytes / 2));
    });
    assert(answer === "" || answer.startsWith("HTTP/1.1 400"), answer);
    await assertNothingChanged();
  }
});

test("a wrong checksum is refused", async () => {
  const ChecksumSHA256 = Buffer.alloc(32, 7).toString("base64");
  const badDigest = { name: "BadDigest", status: 400 };
  assert.deepEqual(await refusalOf(s3.send(put({ ChecksumSHA256 }))), badDigest);
  const ContentMD5 = Buffer.alloc(16, 7).toString("base64");
  assert.deepEqual(await refusalOf(s3.send(put({ ContentMD5 }))), badDigest);
  const big = put({ Body: contentBytes("other", 3 * MIB), ChecksumCRC32: "AAAAAA==" });
  assert.deepEqual(await refusalOf(s3.send(big)), badDigest);
  await assertNothingChanged();
});

test("a missing bucket, a missing key and a bad range are refused", async () => {
  const missing = put({ Bucket: "no-such-bucket" });
  assert.deepEqual(await refusalOf(s3.send(missing)), { name: "NoSuchBucket", status: 404 });
  const noKey = new GetObjectCommand({ Bucket, Key: "no-such-key" });
  assert.deepEqual(await refusalOf(s3.send(noKey)), { name: "NoSuchKey", status: 404 });
  const beyond = new GetObjectCommand({ ...KEPT, Range: `bytes=${BODY.length}-` });
  assert.deepEqual(await refusalOf(s3.send(beyond)), { name: "InvalidRange", status: 416 });
  const named = new CreateBucketCommand({ Bucket: "Not_A_Bucket" });
  assert.deepEqual(await refusalOf(s3.send(named)), { name: "InvalidBucketName", status: 400 });
  await assertNothingChanged();
});

test("oversized headers are refused", async () => {
  const Metadata = { long: "x".repeat(4 * KIB) };
  const metadata = await refusalOf(s3.send(put({ Metadata })));
  assert.deepEqual(metadata, { name: "MetadataTooLarge", status: 400 });
  for (const sizeBytes of [12 * KIB, 64 * KIB]) {
    const url = new URL(await getSignedUrl(s3, new PutObjectCommand(KEPT)));
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { "x-long": "x".repeat(sizeBytes), "content-length": 5 };
      const request = httpRequest(url, { method: "PUT", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      request.end("other");
    });
    assert(status === 400 || status === 431, `${status}`);
  }
  await assertNothingChanged();
});

test("malformed XML is refused, and the upload goes on", async () => {
  const name = { Bucket, Key: "upload" };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(name));
  const command = new CompleteMultipartUploadCommand({ ...name, UploadId });
  const url = await getSignedUrl(s3, command);
  const entities = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>';
  for (const body of ["<CompleteMultipartUpload><Part>", "not xml", "<Other/>", entities, ""]) {
    const answer = await fetch(url, { method: "POST", body });
    assert.equal(answer.status, 400, body);
    assert.match(await answer.text(), /<Code>(MalformedXML|InvalidRequest)<\/Code>/, body);
  }
  await assertNothingChanged();
});

test("a transaction that cannot be is refused", async () => {
  const { rpc, owner, chainId } = network.ready;
  const file = JSON.parse(readFileSync(owner.privateKeyPath, "utf8"));
  const account = privateKeyToAccount(file.secret);
  const nonce = Number(
    await callRPC<string>(rpc, "eth_getTransactionCount", [owner.account, "pending"]),
  );
  const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n, gas: 21_000n };
  const good = { to: owner.account, value: 1n, type: "eip1559", nonce, chainId, ...fees } as const;
  const signed = await account.signTransaction(good);
  const poor = privateKeyToAccount(`0x${"42".repeat(32)}`);
  const refusals: Record<string, string> = {
    "no hex": "zzzz",
    empty: "0x",
    "no transaction": "0x1234",
    truncated: signed.slice(0, -10),
    "another chain": await account.signTransaction({ ...good, chainId: 1 }),
    "an old nonce": await account.signTransaction({ ...good, nonce: 0 }),
    "too little gas": await account.signTransaction({ ...good, gas: 100n }),
    "an account without coins": await poor.signTransaction({ ...good, nonce: 0 }),
    "a fee below the least": await account.signTransaction({ ...good, maxFeePerGas: 1n }),
  };
  for (const [what, raw] of Object.entries(refusals)) {
    const { result, error } = await askRPC(rpc, "eth_sendRawTransaction", [raw]);
    assert.equal(result, undefined, what);
    assert(
      (error?.message.length ?? 0) > 5 && (error?.code ?? 0) < 0,
      `${what}: ${error?.message}`,
    );
  }
  await assertNothingChanged();
});

test("an unknown call of a module and an unknown method are refused", async () => {
  const { rpc, owner } = network.ready;
  const call = { from: owner.account, to: MODULE_ADDRESSES.files, data: "0xdeadbeef" };
  for (const method of ["eth_call", "eth_estimateGas"]) {
    const { error } = await askRPC(rpc, method, [call]);
    assert.equal(error?.code, 3, `${method}: ${JSON.stringify(error)}`);
  }
  assert.equal((await askRPC(rpc, "cess_nothing", [])).error?.code, -32601);
  assert.equal((await askRPC(rpc, "eth_getBalance", ["0x12", "latest"])).error?.code, -32602);
  const broken = await fetch(rpc, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{",
  });
  assert.equal(((await broken.json()) as RPCAnswer).error?.code, -32700);
  await assertNothingChanged();
});
