/**
 * Storage nodes and a TEE worker over a chain in memory: a file is placed, tagged, challenged, and
 * restored after a loss. The proofs, tags, receipts and bytes are real.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { aggregateBLS } from "@cess/crypto/bls";
import { columnCount } from "@cess/params/profile";
import { createTestAttestation } from "@cess/protocol/attestation";
import { CHALLENGE_STATE, TEE_ROLE } from "@cess/protocol/states";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, concatBytes, type Hex } from "@cess/std/bytes";
import type { StorageNode } from "@cess/storage-node/storage-node";
import {
  createTestBed,
  encodeTestFile,
  eventually,
  TEST_EXPIRY_BLOCK,
  type TestBed,
  type TestFile,
  testKey,
  testSpec,
  testTicket,
} from "@cess/storage-node/testing/test-bed";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import { receiptRequestCodec } from "@cess/storage-wire/receipt-request";
import { createTEEWorker, type TEEWorker } from "@cess/tee-worker/tee-worker";

const file: TestFile = encodeTestFile(systemRandom.bytes(1_000_000));
const columns = columnCount(file.profile);
let bed: TestBed;
let worker: TEEWorker;
const nodes: StorageNode[] = [];

before(async () => {
  bed = await createTestBed();
  worker = createTEEWorker(
    {
      ...{ clock: systemClock, random: systemRandom, log: silentLogger },
      ...{ directory: bed.directory, pool: bed.pool, metrics: createPrometheusMetrics() },
      chain: bed.chain.senderOf(testKey(100)),
      attest: async (keys) => createTestAttestation(testKey(101), keys, testSpec.chainId),
    },
    {
      ...{ spec: testSpec, role: TEE_ROLE.full, host: "127.0.0.1", port: 0 },
      keyFile: join(bed.folder, "worker.keys"),
    },
  );
  await worker.start();
  for (let index = 0; index <= columns; index += 1) nodes.push(bed.createNode(index));
  for (const node of nodes) await node.start();
  await bed.directory.refresh();
});

after(async () => {
  await worker.stop();
  await bed.close();
});

const recordOf = () => bed.chain.files.get(file.fid);
const places = Array.from({ length: columns }, (_, column) => column);

/** Challenges the holder of `column` on all its blocks, and waits for the verdict. */
async function challenge(column: number, miner: Hex): Promise<bigint> {
  const { fid } = file;
  const sample = (blockIndex: number) => {
    return { fid, segment: 0, column, blockIndex, tee: worker.account };
  };
  const blocks = [0, 1, 1, 0, 0].map(sample);
  return bed.chain.openChallenge(miner, worker.account, blocks);
}

const challengeState = (id: bigint) => bed.chain.challenges.get(id)?.record.state;

test("twelve columns are stored, declared and tagged", async () => {
  const placement = nodes.slice(0, columns).map((node) => node.account);
  const receipts = await Promise.all(places.map((column) => putColumn(column, placement)));
  const declaration = {
    ...{ fid: file.fid, territory: file.fid, profile: file.profile.id, placement },
    sizeBytes: BigInt(file.sizeBytes),
    expiryBlock: TEST_EXPIRY_BLOCK,
    signature: bytesToHex(aggregateBLS(receipts)),
  };
  await bed.chain.senderOf(bed.gatewayKey).send("files", "declare", [[declaration]]);
  const isTagged = () => recordOf()?.holdings.every(({ tee }) => tee === worker.account) === true;
  await eventually(isTagged, 60_000);
});

test("a holder passes its challenge by the verdict of the worker", async () => {
  const id = await challenge(1, nodes[1]?.account as Hex);
  await eventually(() => challengeState(id) === CHALLENGE_STATE.passed);
});

test("attack: a changed tag fails the challenge", async () => {
  const node = "node-2";
  const name = `${file.fid.slice(2)}.0.2`;
  const path = join(bed.folder, node, "tags", file.fid.slice(2, 4), name);
  const tags = await open(path, "r+");
  const second = new Uint8Array(48);
  await tags.read(second, 0, 48, 48);
  await tags.write(second, 0, 48, 0);
  await tags.close();
  const id = await challenge(2, nodes[2]?.account as Hex);
  await eventually(() => challengeState(id) === CHALLENGE_STATE.failed);
});

test("a sample that decayed is reported instead of proven, and restored", async () => {
  const request = file.receiptRequest(3, []);
  const id = request.fragments[0]?.fragmentId.slice(2) as string;
  const path = join(bed.folder, "node-3", "fragments", id.slice(0, 2), id);
  const fragment = await open(path, "r+");
  await fragment.write(new Uint8Array(100), 0, 100, 200_000);
  await fragment.close();
  const holder = nodes[3]?.account as Hex;
  const challengeId = await challenge(3, holder);
  await eventually(() => bed.chain.callsOf("reportLost").length === 1);
  assert.equal(challengeState(challengeId), CHALLENGE_STATE.open);
  const override = () => recordOf()?.overrides.find(({ column }) => column === 3);
  const holderNow = () => nodes.find(({ account }) => account === override()?.miner);
  await eventually(() => holderNow() !== undefined, 60_000);
  // The miner that lost it holds nothing of the file any more, and may be the one to restore it.
  const restorer = holderNow() as StorageNode;
  assert.deepEqual(await readPlace(restorer, 3), file.fragments[0]?.[3]);
  const again = await challenge(3, restorer.account);
  await eventually(() => challengeState(again) === CHALLENGE_STATE.passed);
});

test("a column that vanished from disk is found by reading it, and restored", async () => {
  const request = file.receiptRequest(4, []);
  const id = request.fragments[0]?.fragmentId.slice(2) as string;
  await rm(join(bed.folder, "node-4", "fragments", id.slice(0, 2), id));
  await assert.rejects(readPlace(nodes[4] as StorageNode, 4), RangeError);
  const restored = () => {
    return recordOf()?.overrides.some(({ column, tee }) => column === 4 && tee === worker.account);
  };
  await eventually(() => restored() === true, 60_000);
});

test("a file that is closed leaves the disks, but not while a challenge asks for it", async () => {
  const node = nodes[5] as StorageNode;
  const id = await challenge(5, node.account);
  bed.chain.close(file.fid);
  await eventually(() => challengeState(id) === CHALLENGE_STATE.passed);
  const request = file.receiptRequest(5, []);
  const fragmentId = request.fragments[0]?.fragmentId.slice(2) as string;
  const path = join(bed.folder, "node-5", "fragments", fragmentId.slice(0, 2), fragmentId);
  await eventually(() => !existsSync(path), 30_000);
});

async function putColumn(column: number, placement: readonly Hex[]): Promise<Uint8Array> {
  const node = nodes[column] as StorageNode;
  const head = encodeFrameHead(receiptRequestCodec, file.receiptRequest(column, placement));
  const body = Buffer.from(concatBytes(head, file.fragments[0]?.[column] as Uint8Array));
  const headers = { authorization: testTicket(bed, node.account) };
  const response = await fetch(`${node.endpoint()}/v1/columns`, { method: "PUT", headers, body });
  assert.equal(response.status, 200);
  return new Uint8Array(await response.arrayBuffer());
}

async function readPlace(node: StorageNode, column: number): Promise<Uint8Array> {
  const headers = { authorization: testTicket(bed, node.account) };
  const path = `/v1/files/${file.fid.slice(2)}/0/${column}`;
  const response = await fetch(`${node.endpoint()}${path}`, { headers });
  if (!response.ok) throw new RangeError(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
