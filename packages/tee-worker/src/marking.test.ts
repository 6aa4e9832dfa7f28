import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createDirectory, type Directory } from "@cess/chain-client/directory";
import { MemoryChain } from "@cess/chain-client/testing/memory-chain";
import { encode } from "@cess/codec/codec";
import { privateKeyToAddressHex, recoverAddress } from "@cess/crypto/secp256k1";
import { createFragmentPath, fileIdOf } from "@cess/erasure/ids";
import { encodeSegment, SegmentEncoder } from "@cess/erasure/segment-encoder";
import { DEV } from "@cess/params/chain-spec";
import { PROFILES } from "@cess/params/profile";
import { createPodr2Pool, type Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import { createTestAttestation } from "@cess/protocol/attestation";
import { tagReportDigest } from "@cess/protocol/messages";
import { SEGMENT_ALL, TEE_ROLE } from "@cess/protocol/states";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, concatBytes, type Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import {
  decodeTagResponse,
  type ReportItem,
  type ReportRequest,
  reportRequestCodec,
  type TagRequest,
  tagRequestCodec,
} from "@cess/storage-wire/tag-request";
import { signTicket, TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import { loadWorkerKeys } from "./sealed-keys.ts";
import { createTEEWorker, type TEEWorker } from "./tee-worker.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const MINER_KEY = key(1);
const STRANGER_KEY = key(3);
const miner = privateKeyToAddressHex(MINER_KEY);
const profile = PROFILES.standard;
const chain = new MemoryChain(DEV.chainId);
let folder: string;
let pool: Podr2Pool;
let directory: Directory;
let worker: TEEWorker;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cess-tee-"));
  const asMiner = chain.senderOf(MINER_KEY);
  await asMiner.send("miners", "register", ["0x", "0x", "http://127.0.0.1:1", "", 1n]);
  pool = createPodr2Pool({ threads: 1, queueMax: 8 });
  const deps = { clock: systemClock, log: silentLogger };
  directory = createDirectory({ ...deps, chain: asMiner });
  await directory.start();
  worker = createTEEWorker(
    {
      ...{ ...deps, directory, pool, random: systemRandom, metrics: createPrometheusMetrics() },
      chain: chain.senderOf(key(2)),
      attest: async (keys) => createTestAttestation(key(9), keys, DEV.chainId),
    },
    {
      ...{ spec: DEV, role: TEE_ROLE.full, host: "127.0.0.1", port: 0 },
      keyFile: join(folder, "worker.keys"),
    },
  );
  await worker.start();
});

after(async () => {
  await worker.stop();
  await directory.stop();
  await pool.stop();
  await rm(folder, { recursive: true });
});

interface TestFile {
  readonly fragments: readonly Uint8Array[];
  readonly head: (column: number) => TagRequest;
}

function createFile(sizeBytes: number): TestFile {
  const bytes = systemRandom.bytes(sizeBytes);
  const { fragments, segment } = encodeSegment(new SegmentEncoder(profile), bytes);
  const ids = { segmentIds: [segment.segmentId], fragmentIds: segment.fragmentIds };
  const fid = bytesToHex(fileIdOf({ profile, fileSizeBytes: sizeBytes }, ids.segmentIds));
  const common = { miner, fid, sizeBytes: BigInt(sizeBytes), profileId: profile.id };
  return {
    fragments,
    head: (column) => ({ ...common, path: createFragmentPath({ segmentIndex: 0, column }, ids) }),
  };
}

async function post(path: string, body: Uint8Array, privateKey: Uint8Array = MINER_KEY) {
  const ticket = {
    audience: worker.account,
    rights: TICKET_RIGHTS.read,
    expiryMs: BigInt(Date.now() + 60_000),
    bytesMax: 1n << 24n,
    nonce: new Uint8Array(16),
  };
  const authorization = signTicket(ticket, { chainId: DEV.chainId, privateKey });
  const options = { method: "POST", headers: { authorization }, body: Buffer.from(body) };
  const response = await fetch(`${worker.endpoint()}${path}`, options);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const code = response.ok ? "OK" : JSON.parse(Buffer.from(bytes).toString()).code;
  return { code, bytes };
}

function postTag(head: TagRequest, fragment: Uint8Array, privateKey?: Uint8Array) {
  return post(
    "/v1/tags",
    concatBytes(encodeFrameHead(tagRequestCodec, head), fragment),
    privateKey,
  );
}

function postReport(items: readonly ReportItem[], change: Partial<ReportRequest> = {}) {
  return post(
    "/v1/reports",
    encode(reportRequestCodec, { miner, expiryBlock: 50n, items, ...change }),
  );
}

async function tagColumn(file: TestFile, column: number): Promise<ReportItem> {
  const head = file.head(column);
  const { bytes } = await postTag(head, file.fragments[column] as Uint8Array);
  const { mac } = decodeTagResponse(bytes);
  const { fid, sizeBytes, profileId } = head;
  return { fid, sizeBytes, profileId, column, segment: SEGMENT_ALL, macs: [mac] };
}

test("what was tagged is reported under the worker's signature", async () => {
  const file = createFile(600_000);
  const { bytes } = await postTag(file.head(3), file.fragments[3] as Uint8Array);
  const { tags } = decodeTagResponse(bytes);
  assert.equal(tags.length, 2 * 48);
  const item = await tagColumn(file, 3);
  const { code, bytes: signature } = await postReport([item]);
  assert.equal(code, "OK");
  const statement = { chainId: DEV.chainId, tee: worker.account, miner, expiryBlock: 50n };
  const digest = tagReportDigest({ ...statement, items: [item] });
  const signer: Hex = bytesToHex(recoverAddress(digest, signature));
  assert.equal(signer, chain.workers.get(worker.account)?.reportSigner);
});

test("attack: bytes that are not what the path leads to get no tag", async () => {
  const file = createFile(10_000);
  const other = createFile(10_000);
  const fragment = file.fragments[1] as Uint8Array;
  const head = file.head(1);
  const changed = fragment.map((byte, index) => (index === 5 ? byte ^ 1 : byte));
  const attacks: readonly [TagRequest, Uint8Array][] = [
    [head, changed],
    [head, fragment.subarray(1)],
    [head, new Uint8Array()],
    [head, file.fragments[2] as Uint8Array],
    [{ ...head, path: other.head(1).path }, fragment],
    [{ ...head, path: { ...head.path, column: 0 } }, fragment],
    [{ ...head, path: { ...head.path, column: 99 } }, fragment],
    [{ ...head, path: { ...head.path, segmentIndex: 1 } }, fragment],
    [{ ...head, fid: other.head(1).fid }, fragment],
    [{ ...head, sizeBytes: head.sizeBytes + 1n }, fragment],
  ];
  for (const [forged, bytes] of attacks) {
    assert.equal((await postTag(forged, bytes)).code, "PATH_INVALID");
  }
  assert.equal((await postTag({ ...head, profileId: 9 }, fragment)).code, "FILE_INVALID");
});

test("attack: a stranger, and a miner that speaks for another, are refused", async () => {
  const file = createFile(1000);
  const fragment = file.fragments[0] as Uint8Array;
  assert.equal((await postTag(file.head(0), fragment, STRANGER_KEY)).code, "TICKET_SIGNER");
  const forAnother = { ...file.head(0), miner: privateKeyToAddressHex(STRANGER_KEY) };
  assert.equal((await postTag(forAnother, fragment)).code, "NOT_OWNER");
});

test("attack: no signature for what was not tagged here, or not all of it", async () => {
  const item = await tagColumn(createFile(1000), 0);
  const [mac] = item.macs as [Uint8Array];
  const flipped = mac.map((byte, index) => (index === 7 ? byte ^ 1 : byte));
  const attacks: readonly Partial<ReportItem>[] = [
    { macs: [flipped] },
    { macs: [] },
    { macs: [mac, mac] },
    { column: 1 },
    { segment: 1 },
    { fid: createFile(1000).head(0).fid },
    // As long as two segments: then one MAC is not the whole column, nor is it for that size.
    { sizeBytes: 40n * 1024n * 1024n },
    { sizeBytes: item.sizeBytes - 1n },
    { profileId: PROFILES.critical.id },
  ];
  for (const change of attacks) {
    assert.equal((await postReport([{ ...item, ...change }])).code, "MAC_INVALID");
  }
  const farOff = { expiryBlock: 10n ** 6n };
  assert.equal((await postReport([item], farOff)).code, "REQUEST_MALFORMED");
  assert.equal((await postReport([item])).code, "OK");
});

test("attack: a body above the limit, or cut off, is refused", async () => {
  const big = new Uint8Array(9 * 1024 * 1024);
  assert.equal((await postTag(createFile(1000).head(0), big)).code, "BODY_TOO_LARGE");
  assert.equal((await post("/v1/tags", Uint8Array.of(0, 0, 9))).code, "REQUEST_MALFORMED");
  assert.equal((await post("/v1/reports", new Uint8Array(5))).code, "REQUEST_MALFORMED");
});

test("keys are made once, readable by their owner only, and never from a broken file", async () => {
  const path = join(folder, "worker.keys");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const again = await loadWorkerKeys(path, systemRandom);
  assert.equal(again.tagKeyHash, chain.workers.get(worker.account)?.tagKeyHash);
  const broken = join(folder, "broken.keys");
  await writeFile(broken, new Uint8Array(10));
  await assert.rejects(loadWorkerKeys(broken, systemRandom), (cause) =>
    hasCode(cause, "KEY_FILE_INVALID"),
  );
});
