import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { encode } from "@cess/codec/codec";
import { createBLSKeyPair, verifyBLS } from "@cess/crypto/bls";
import { hashLeaf } from "@cess/crypto/merkle";
import { verifyRange } from "@cess/crypto/merkle-range";
import { privateKeyToAddressHex } from "@cess/crypto/secp256k1";
import { hashFragment } from "@cess/erasure/fragment-hasher";
import { fragmentPathCodec, isFragmentOf } from "@cess/erasure/ids";
import { LEAF_BYTES, PROFILES } from "@cess/params/profile";
import { receiptMessage } from "@cess/protocol/messages";
import { systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, concatBytes, hexToBytes } from "@cess/std/bytes";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import {
  decodeHeader,
  PATH_HEADER,
  RANGE_PROOF_HEADER,
  rangeProofCodec,
} from "@cess/storage-wire/range";
import { type ReceiptRequest, receiptRequestCodec } from "@cess/storage-wire/receipt-request";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import { FRAGMENT_BYTES_MAX } from "./fragment-store.ts";
import type { StorageNode } from "./storage-node.ts";
import {
  createTestBed,
  encodeTestFile,
  eventually,
  placeOnly,
  TEST_EXPIRY_BLOCK,
  type TestBed,
  type TestFile,
  testKey,
  testSpec,
  testTicket,
} from "./testing/test-bed.ts";

let bed: TestBed;
let node: StorageNode;

before(async () => {
  bed = await createTestBed();
  node = bed.createNode(0);
  await node.start();
});

after(() => bed.close());

interface Call {
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly ticket?: string;
  readonly headers?: Record<string, string>;
}

async function call(path: string, { method = "GET", body, ticket, headers }: Call = {}) {
  const authorization = ticket ?? testTicket(bed, node.account);
  const response = await fetch(`${node.endpoint()}${path}`, {
    method,
    headers: { ...headers, authorization },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = Buffer.from(bytes).toString();
  const isJSON = response.headers.get("content-type") === "application/json";
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json: isJSON ? JSON.parse(text) : {},
  };
}

async function refused(path: string, options: Call, status: number, code: string) {
  const { status: found, json } = await call(path, options);
  assert.deepEqual({ status: found, code: json.code }, { status, code });
}

const post = (body: Uint8Array, rest: Call = {}) =>
  call("/v1/fragments", { method: "POST", body, ...rest });

function requestFor(file: TestFile, column = 0): ReceiptRequest {
  return file.receiptRequest(column, placeOnly(file.profile, column, node.account));
}

async function putColumn(file: TestFile, column = 0) {
  const head = encodeFrameHead(receiptRequestCodec, requestFor(file, column));
  const body = concatBytes(head, file.fragments[0]?.[column] as Uint8Array);
  return await call("/v1/columns", { method: "PUT", body });
}

async function flipByte(id: string, offset: number) {
  const file = await open(join(bed.folder, "node-0", "fragments", id.slice(0, 2), id), "r+");
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, offset);
  await file.write(Uint8Array.of((byte[0] as number) ^ 1), 0, 1, offset);
  await file.close();
}

test("a node registers its record and says how it is", async () => {
  assert.equal(bed.chain.miners.get(node.account)?.endpoint, node.endpoint());
  assert.deepEqual((await call("/health")).json, { status: "ok" });
  const { json } = await call("/v1/status");
  assert.equal(json.account, node.account);
  const metrics = Buffer.from((await call("/metrics")).bytes).toString();
  assert.match(metrics, /^storage_node_free_bytes \d{9,}$/m);
});

test("a fragment comes back as it was, whole and in proven ranges", async () => {
  const fragment = systemRandom.bytes(3 * LEAF_BYTES + 1000);
  const { leafHashes, fragmentId } = hashFragment(fragment);
  const { status, json } = await post(fragment);
  const id = bytesToHex(fragmentId).slice(2);
  assert.deepEqual({ status, json }, { status: 201, json: { id, sizeBytes: fragment.length } });
  assert.deepEqual((await call(`/v1/fragments/${id}`)).bytes, fragment);
  for (const [first, last] of [
    [0, 0],
    [LEAF_BYTES, 2 * LEAF_BYTES],
    [70_000, 10 ** 9],
  ] as const) {
    const headers = { range: `bytes=${first}-${last}` };
    const { status, bytes, headers: answer } = await call(`/v1/fragments/${id}`, { headers });
    assert.equal(status, 206);
    const proof = decodeHeader(rangeProofCodec, answer.get(RANGE_PROOF_HEADER) as string);
    const start = proof.firstLeaf * LEAF_BYTES;
    assert.deepEqual(bytes, fragment.subarray(start, start + bytes.length));
    assert(start <= first && start + bytes.length > Math.min(last, fragment.length - 1));
    const range = { first: proof.firstLeaf, count: proof.leafCount, leafCount: leafHashes.length };
    const hashes = Array.from({ length: proof.leafCount }, (_, leaf) =>
      hashLeaf(bytes.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)),
    );
    assert(verifyRange(fragmentId, range, { leafHashes: hashes, proof: proof.hashes }));
  }
  const headers = { range: `bytes=${fragment.length}-` };
  await refused(`/v1/fragments/${id}`, { headers }, 416, "RANGE_UNSATISFIABLE");
});

test("a column is stored and signed for in one request, and read by its place", async () => {
  const file = encodeTestFile(systemRandom.bytes(300_000));
  const { status, bytes } = await putColumn(file, 5);
  assert.equal(status, 200);
  const { fid, sizeBytes, profile } = file;
  const placement = placeOnly(profile, 5, node.account);
  const { chainId } = testSpec;
  const terms = { territory: fid, expiryBlock: TEST_EXPIRY_BLOCK, placement };
  const message = receiptMessage({ ...terms, chainId, fid, sizeBytes, profileId: profile.id });
  const { publicKey } = createBLSKeyPair(testKey(1));
  assert(verifyBLS({ message, publicKey, signature: bytes }));
  const read = await call(`/v1/files/${fid.slice(2)}/0/5`);
  assert.deepEqual(read.bytes, file.fragments[0]?.[5]);
  const path = decodeHeader(fragmentPathCodec, read.headers.get(PATH_HEADER) as string);
  const identity = { fid: hexToBytes(fid), profile, fileSizeBytes: sizeBytes };
  assert(isFragmentOf(identity, hashFragment(read.bytes).fragmentId, path));
  await refused(`/v1/files/${fid.slice(2)}/0/4`, {}, 404, "FRAGMENT_NOT_FOUND");
});

test("fragments of several segments are stored one by one and signed for at once", async () => {
  const file = encodeTestFile(systemRandom.bytes(33 * 1024 * 1024), PROFILES.economy);
  for (const fragments of file.fragments) await post(fragments[1] as Uint8Array);
  const body = encode(receiptRequestCodec, requestFor(file, 1));
  assert.equal((await call("/v1/receipts", { method: "POST", body })).bytes.length, 96);
});

test("a receipt is given again for what is held, and bound to what it is asked for", async () => {
  const file = encodeTestFile(systemRandom.bytes(33 * 1024 * 1024), PROFILES.economy);
  const { fid, sizeBytes, profile } = file;
  const request = requestFor(file, 1);
  const territory = bytesToHex(new Uint8Array(32).fill(9));
  const renewal = { ...request, territory, expiryBlock: TEST_EXPIRY_BLOCK - 9n, fragments: [] };
  const receipt = (of: ReceiptRequest) => {
    return { method: "POST", body: encode(receiptRequestCodec, of) };
  };
  for (const fragments of file.fragments) await post(fragments[1] as Uint8Array);
  await refused("/v1/receipts", receipt(renewal), 404, "FRAGMENT_NOT_FOUND");
  await call("/v1/receipts", receipt(request));
  const { bytes: signature } = await call("/v1/receipts", receipt(renewal));
  const statement = { ...renewal, chainId: testSpec.chainId, fid, sizeBytes };
  const message = receiptMessage({ ...statement, profileId: profile.id });
  assert(verifyBLS({ message, publicKey: createBLSKeyPair(testKey(1)).publicKey, signature }));
  const attacks: readonly [Partial<ReceiptRequest>, string][] = [
    [{ column: 0, placement: placeOnly(profile, 0, node.account) }, "FRAGMENT_NOT_FOUND"],
    [{ sizeBytes: renewal.sizeBytes - 1n }, "FRAGMENT_NOT_FOUND"],
  ];
  for (const [change, code] of attacks) {
    await refused("/v1/receipts", receipt({ ...renewal, ...change }), 404, code);
  }
  const body = encodeFrameHead(receiptRequestCodec, renewal);
  await refused("/v1/columns", { method: "PUT", body }, 422, "FILE_INVALID");
});

test("attack: receipts are renewed at a node that lost a segment of the column", async () => {
  const file = encodeTestFile(systemRandom.bytes(33 * 1024 * 1024), PROFILES.economy);
  const request = requestFor(file, 2);
  const receipt = (of: ReceiptRequest) => {
    return { method: "POST", body: encode(receiptRequestCodec, of) };
  };
  for (const fragments of file.fragments) await post(fragments[2] as Uint8Array);
  assert.equal((await call("/v1/receipts", receipt(request))).status, 200);
  const id = request.fragments[0]?.fragmentId.slice(2) as string;
  await flipByte(id, 0);
  await refused(`/v1/fragments/${id}`, {}, 410, "FRAGMENT_LOST");
  const renewal = receipt({ ...request, fragments: [] });
  await refused("/v1/receipts", renewal, 404, "FRAGMENT_NOT_FOUND");
});

test("attack: no write without a ticket for it", async () => {
  const body = systemRandom.bytes(100);
  const ticket = (change: Parameters<typeof testTicket>[2]) =>
    testTicket(bed, node.account, change);
  const attacks: readonly [string, string][] = [
    ["", "TICKET_MALFORMED"],
    ["Cess AAAA", "TICKET_MALFORMED"],
    [ticket({ expiryMs: BigInt(Date.now() - 61_000) }), "TICKET_EXPIRED"],
    [ticket({ expiryMs: BigInt(Date.now() + 3_600_000) }), "TICKET_LIFETIME"],
    [ticket({ rights: TICKET_RIGHTS.read }), "TICKET_RIGHTS"],
    [testTicket(bed, `0x${"77".repeat(20)}`), "TICKET_AUDIENCE"],
    [ticket({ privateKey: testKey(99) }), "TICKET_SIGNER"],
    // A miner may read from others, not write to them, whatever it writes on its tickets.
    [ticket({ privateKey: testKey(1) }), "TICKET_SIGNER"],
  ];
  for (const [header, code] of attacks) {
    await refused("/v1/fragments", { method: "POST", body, ticket: header }, 401, code);
  }
  const bytesMax = { ticket: ticket({ bytesMax: 99n }) };
  await refused("/v1/fragments", { method: "POST", body, ...bytesMax }, 413, "BODY_TOO_LARGE");
  const id = bytesToHex(hashFragment(body).fragmentId).slice(2);
  await refused(`/v1/fragments/${id}`, {}, 404, "FRAGMENT_NOT_FOUND");
});

test("attack: a body above the limit, by its length or by its bytes", async () => {
  const body = new Uint8Array(FRAGMENT_BYTES_MAX + 1);
  await refused("/v1/fragments", { method: "POST", body }, 413, "BODY_TOO_LARGE");
  await refused(
    "/v1/fragments",
    { method: "POST", body: new Uint8Array() },
    400,
    "REQUEST_MALFORMED",
  );
  const response = await fetch(`${node.endpoint()}/v1/fragments`, {
    method: "POST",
    headers: { authorization: testTicket(bed, node.account) },
    body: new ReadableStream({
      type: "bytes",
      pull: (into) => into.enqueue(new Uint8Array(1024 * 1024)),
    }),
    duplex: "half",
  } as RequestInit).catch((cause: Error) => cause);
  assert(response instanceof Error || response.status === 413);
  const head = encodeFrameHead(
    receiptRequestCodec,
    requestFor(encodeTestFile(systemRandom.bytes(9))),
  );
  new DataView(head.buffer).setUint32(0, 2 ** 31);
  await refused("/v1/columns", { method: "PUT", body: head }, 413, "BODY_TOO_LARGE");
});

test("attack: a body that is cut off leaves nothing behind", async () => {
  const body = systemRandom.bytes(200_000);
  const { json: before } = await call("/v1/status");
  await new Promise<void>((resolve) => {
    const sending = httpRequest(`${node.endpoint()}/v1/fragments`, {
      method: "POST",
      headers: { authorization: testTicket(bed, node.account), "content-length": 400_000 },
    });
    sending.on("error", () => resolve());
    sending.write(body, () => sending.destroy());
    sending.on("close", () => resolve());
  });
  const id = bytesToHex(hashFragment(body).fragmentId).slice(2);
  await refused(`/v1/fragments/${id}`, {}, 404, "FRAGMENT_NOT_FOUND");
  assert.equal((await call("/v1/status")).json.fragmentCount, before.fragmentCount);
  const { head, rest } = { head: Uint8Array.of(0, 0, 1, 0), rest: systemRandom.bytes(5) };
  const cut = { method: "PUT", body: concatBytes(head, rest) };
  await refused("/v1/columns", cut, 400, "BODY_TRUNCATED");
});

test("attack: no receipt for what is not here, not in place, or not of the file", async () => {
  const file = encodeTestFile(systemRandom.bytes(300_000));
  const other = encodeTestFile(systemRandom.bytes(300_000));
  const receipt = (request: ReceiptRequest) => {
    return { method: "POST", body: encode(receiptRequestCodec, request) };
  };
  const good = requestFor(file);
  await refused("/v1/receipts", receipt(good), 404, "FRAGMENT_NOT_FOUND");
  await post(file.fragments[0]?.[0] as Uint8Array);
  await post(other.fragments[0]?.[0] as Uint8Array);
  const attacks: readonly [Partial<ReceiptRequest>, number, string][] = [
    [{ placement: placeOnly(file.profile, 1, node.account) }, 409, "PLACEMENT_INVALID"],
    [{ placement: [node.account] }, 409, "PLACEMENT_INVALID"],
    [{ placement: good.placement.map(() => node.account) }, 409, "PLACEMENT_INVALID"],
    [{ fragments: requestFor(other).fragments }, 422, "PATH_INVALID"],
    [{ fid: other.fid }, 422, "PATH_INVALID"],
    [{ sizeBytes: good.sizeBytes - 1n }, 422, "PATH_INVALID"],
    [{ sizeBytes: 0n }, 422, "FILE_INVALID"],
    [{ profileId: 9 }, 422, "FILE_INVALID"],
    [{ fragments: [...good.fragments, ...good.fragments] }, 422, "FILE_INVALID"],
    [{ expiryBlock: 0n }, 409, "EXPIRY_INVALID"],
    [{ expiryBlock: TEST_EXPIRY_BLOCK + 10_000n }, 409, "EXPIRY_INVALID"],
    [{ fragments: [] }, 404, "FRAGMENT_NOT_FOUND"],
  ];
  for (const [change, status, code] of attacks) {
    await refused("/v1/receipts", receipt({ ...good, ...change }), status, code);
  }
  await refused(
    "/v1/receipts",
    { method: "POST", body: new Uint8Array(30) },
    400,
    "REQUEST_MALFORMED",
  );
  const head = encodeFrameHead(receiptRequestCodec, good);
  const body = concatBytes(head, systemRandom.bytes(75_000));
  await refused("/v1/columns", { method: "PUT", body }, 422, "PATH_INVALID");
  assert.equal((await call("/v1/receipts", receipt(good))).status, 200);
});

test("attack: only who stored a fragment takes it back, and only while it is unclaimed", async () => {
  const { json } = await post(systemRandom.bytes(1000));
  const otherKey = testKey(201);
  bed.chain.registerGateway(privateKeyToAddressHex(otherKey));
  await bed.directory.refresh();
  const ticket = testTicket(bed, node.account, { privateKey: otherKey });
  await refused(`/v1/fragments/${json.id}`, { method: "DELETE", ticket }, 403, "NOT_OWNER");
  assert.equal((await call(`/v1/fragments/${json.id}`, { method: "DELETE" })).status, 204);
  const file = encodeTestFile(systemRandom.bytes(1000));
  await putColumn(file);
  const id = requestFor(file).fragments[0]?.fragmentId.slice(2);
  await refused(`/v1/fragments/${id}`, { method: "DELETE" }, 409, "FRAGMENT_CLAIMED");
});

test("a byte that flipped on disk is never served, and the chain is told", async () => {
  const file = encodeTestFile(systemRandom.bytes(8 * 1024 * 1024));
  const placement = placeOnly(file.profile, 2, node.account);
  const { bytes: signature } = await putColumn(file, 2);
  const gateway = bed.chain.senderOf(bed.gatewayKey);
  const { fid, sizeBytes, profile } = file;
  const territory = fid;
  await gateway.send("files", "declare", [
    [
      {
        ...{ fid, territory, placement, signature: bytesToHex(signature) },
        ...{ sizeBytes: BigInt(sizeBytes), profile: profile.id, expiryBlock: TEST_EXPIRY_BLOCK },
      },
    ],
  ]);
  const id = file.receiptRequest(2, placement).fragments[0]?.fragmentId.slice(2) as string;
  await flipByte(id, 1_500_000);
  // The damage lies after the first run: the response ends early instead of going on.
  await assert.rejects(call(`/v1/fragments/${id}`));
  await refused(`/v1/fragments/${id}`, {}, 410, "FRAGMENT_LOST");
  await eventually(() => bed.chain.callsOf("reportLost").length === 1);
  assert.deepEqual(bed.chain.callsOf("reportLost")[0]?.args, [fid, 0, 2]);
});

test("a damaged first leaf is answered as lost", async () => {
  const { json } = await post(systemRandom.bytes(100_000));
  await flipByte(json.id, 0);
  await refused(`/v1/fragments/${json.id}`, {}, 410, "FRAGMENT_LOST");
  await refused(`/v1/fragments/${json.id}`, {}, 404, "FRAGMENT_NOT_FOUND");
});

test("what a node holds outlives a restart, and unfinished files do not", async () => {
  const file = encodeTestFile(systemRandom.bytes(50_000));
  await putColumn(file);
  const { json: before } = await call("/v1/status");
  await node.stop();
  const unfinished = join(bed.folder, "node-0", "tmp", "77");
  await writeFile(unfinished, "half a frag");
  await node.start();
  assert(!existsSync(unfinished));
  const { bytes } = await call(`/v1/files/${file.fid.slice(2)}/0/0`);
  assert.deepEqual(bytes, file.fragments[0]?.[0]);
  assert.equal((await call("/v1/status")).json.usedBytes, before.usedBytes);
});

test("a node takes no more than it declared", async () => {
  const small = bed.createNode(1, { declaredBytes: 100_000 });
  await small.start();
  const send = (sizeBytes: number) =>
    fetch(`${small.endpoint()}/v1/fragments`, {
      method: "POST",
      headers: { authorization: testTicket(bed, small.account) },
      body: Buffer.from(systemRandom.bytes(sizeBytes)),
    });
  assert.equal((await send(60_000)).status, 201);
  assert.equal((await send(60_000)).status, 507);
  assert.equal((await send(40_000)).status, 201);
  assert.equal((await send(1)).status, 507);
});
