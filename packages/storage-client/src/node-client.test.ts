import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { rangeProof } from "@cess/crypto/merkle-range";
import {
  createFragmentPath,
  type FragmentPath,
  fileIdOf,
  fragmentLeafHashes,
  fragmentPathCodec,
} from "@cess/erasure/ids";
import { encodeSegment, SegmentEncoder } from "@cess/erasure/segment-encoder";
import { LEAF_BYTES, PROFILES } from "@cess/params/profile";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { encodeHeader, rangeProofCodec } from "@cess/storage-wire/range";
import { createTicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { Agent } from "undici";
import { createNodeClient, type NodeClient } from "./node-client.ts";
import { NodeHealth } from "./node-health.ts";
import type { StorageMiner } from "./placement.ts";

const profile = PROFILES.standard;
const NEVER = new AbortController().signal;
const COLUMN = 2;

/** A file of one segment whose fragments have five leaves, the last one short. */
const bytes = systemRandom.bytes(4 * (4 * LEAF_BYTES + 1000));
const { fragments, segment } = encodeSegment(new SegmentEncoder(profile), bytes);
const segmentIds = [segment.segmentId];
const file = {
  fid: bytesToHex(fileIdOf({ profile, fileSizeBytes: bytes.length }, segmentIds)),
  sizeBytes: bytes.length,
  profileId: profile.id,
};
const fragment = fragments[COLUMN] as Uint8Array;

interface Answer {
  status: number;
  body: Uint8Array;
  path: FragmentPath;
  firstLeaf: number;
  hashes: readonly Uint8Array[];
}

/** What an honest node answers to a read of leaves [first, first + count). */
function honestAnswer(first: number, count: number): Answer {
  const leafHashes = fragmentLeafHashes(fragment);
  const ids = { segmentIds, fragmentIds: segment.fragmentIds };
  return {
    status: 206,
    body: fragment.slice(first * LEAF_BYTES, (first + count) * LEAF_BYTES),
    path: createFragmentPath({ segmentIndex: 0, column: COLUMN }, ids),
    firstLeaf: first,
    hashes: rangeProof(leafHashes, { first, count }),
  };
}

let answer: Answer;
let raw: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
const server = createServer((request, response) => {
  if (raw !== undefined) return raw(request, response);
  const { status, body, path, firstLeaf, hashes } = answer;
  const leafCount = Math.ceil(body.length / LEAF_BYTES);
  const proof = { firstLeaf, leafCount, totalSizeBytes: fragment.length, hashes };
  response.setHeader("x-cess-path", encodeHeader(fragmentPathCodec, path));
  response.setHeader("x-cess-range-proof", encodeHeader(rangeProofCodec, proof));
  response.writeHead(status).end(body);
});
const dispatcher = new Agent();
let client: NodeClient;
let miner: StorageMiner;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const account = `0x${"0a".repeat(20)}` as const;
  const blsPublicKey = new Uint8Array(48);
  miner = { account, endpoint, blsPublicKey, region: "", declaredBytes: 1, freeBytes: 1 };
  const tickets = createTicketIssuer({
    chainId: 1,
    privateKey: new Uint8Array(32).fill(1),
    wallMs: () => 0,
    randomBytes: (sizeBytes) => systemRandom.bytes(sizeBytes),
  });
  const health = new NodeHealth(systemClock);
  client = createNodeClient({ dispatcher, tickets, health, clock: systemClock });
});
after(async () => {
  await dispatcher.close();
  server.close();
});

const readLeaves = (offset: number, length: number) =>
  client.readRange(
    miner,
    { file, place: { segment: 0, column: COLUMN }, range: { offset, length } },
    NEVER,
  );

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "accepted";
  } catch (cause) {
    assert(cause instanceof CodedError, String(cause));
    return (cause.detail as { code: string }).code;
  }
}

test("a range is cut out of the leaves that prove it", async () => {
  answer = honestAnswer(1, 2);
  const part = await readLeaves(LEAF_BYTES + 10, LEAF_BYTES);
  assert.deepEqual(part, fragment.subarray(LEAF_BYTES + 10, 2 * LEAF_BYTES + 10));
  answer = honestAnswer(4, 1);
  const tail = await readLeaves(4 * LEAF_BYTES, 1000);
  assert.deepEqual(tail, fragment.subarray(4 * LEAF_BYTES));
});

const forgeries: Record<string, (honest: Answer) => Partial<Answer>> = {
  "a flipped bit": ({ body }) => ({ body: body.map((byte, at) => (at === 7 ? byte ^ 1 : byte)) }),
  "bytes of another column": () => ({
    body: (fragments[3] as Uint8Array).slice(LEAF_BYTES, 3 * LEAF_BYTES),
  }),
  "the leaves after the ones asked for": () => ({ ...honestAnswer(2, 2) }),
  "other leaves that claim the place": () => ({ ...honestAnswer(2, 2), firstLeaf: 1 }),
  "a leaf too few": ({ body }) => ({ body: body.subarray(0, LEAF_BYTES) }),
  "a proof without its last hash": ({ hashes }) => ({ hashes: hashes.slice(0, -1) }),
  "the path of another column": ({ path }) => ({ path: { ...path, column: 3 } }),
  "a shortened path": ({ path }) => ({ path: { ...path, segmentPath: path.segmentPath.slice(1) } }),
};

for (const [name, forge] of Object.entries(forgeries)) {
  test(`attack: ${name} is refused`, async () => {
    const honest = honestAnswer(1, 2);
    answer = { ...honest, ...forge(honest) };
    assert.equal(await codeOf(readLeaves(LEAF_BYTES, 2 * LEAF_BYTES)), "BYTES_FORGED");
  });
}

test("attack: headers that are no proof are refused, not thrown about", async () => {
  raw = (_request, response) => {
    response.writeHead(206, { "x-cess-path": "AAAA", "x-cess-range-proof": "!!" }).end("x");
  };
  assert.equal(await codeOf(readLeaves(0, 1)), "BYTES_FORGED");
  raw = undefined;
});

test("attack: a fragment under another id is refused", async () => {
  raw = (_request, response) => response.end(fragment);
  const id = bytesToHex(segment.fragmentIds[COLUMN] as Uint8Array);
  assert.deepEqual(await client.readFragment(miner, id, NEVER), fragment);
  const other = bytesToHex(segment.fragmentIds[0] as Uint8Array);
  assert.equal(await codeOf(client.readFragment(miner, other, NEVER)), "BYTES_FORGED");
  raw = undefined;
});

test("a node that refuses, breaks off or is gone is a failed node", async () => {
  raw = (_request, response) => response.writeHead(507).end('{"code":"DISK_FULL"}');
  assert.equal(await codeOf(readLeaves(0, 1)), "NODE_FAILED");
  raw = (request) => request.socket.destroy();
  assert.equal(await codeOf(readLeaves(0, 1)), "NODE_FAILED");
  raw = undefined;
  const gone = { ...miner, endpoint: "http://127.0.0.1:1" };
  const id = bytesToHex(segment.segmentId);
  assert.equal(await codeOf(client.readFragment(gone, id, NEVER)), "NODE_FAILED");
});

test("attack: an answer without an end is cut off, however much of it comes", async () => {
  let sentBytes = 0;
  raw = (_request, response) => {
    const mebibyte = new Uint8Array(2 ** 20);
    const send = (): void => {
      while (!response.destroyed && response.write(mebibyte)) sentBytes += mebibyte.length;
      if (!response.destroyed) response.once("drain", send);
    };
    send();
  };
  assert.equal(await codeOf(readLeaves(0, 1)), "BYTES_FORGED");
  assert(sentBytes < 64 * 2 ** 20, `${sentBytes} bytes were taken in`);
  raw = undefined;
});
