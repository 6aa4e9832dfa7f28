import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainReader } from "@cess/chain-client/chain";
import { ChainError } from "@cess/chain-client/error";
import { verifySameMessage } from "@cess/crypto/bls";
import { acknowledgeCount, PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { receiptMessage, ZERO_ADDRESS } from "@cess/protocol/messages";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { KIB, MIB } from "@cess/std/units";
import { FileLocator } from "./file-locator.ts";
import type { Declaration, Extent, FileStore } from "./file-store.ts";
import { createNetworkFileStore } from "./network-file-store.ts";
import { NodeHealth } from "./node-health.ts";
import { MemoryNodes, TEST_CHAIN_ID } from "./testing/memory-nodes.ts";

const TERRITORY: Hex = `0x${"11".repeat(32)}`;
const HEIGHT = 50;
const NEVER = new AbortController().signal;
const OPTIONS = { territory: TERRITORY, profile: PROFILES.standard, signal: NEVER };

interface TestChain {
  read: (module: string, name: string, args: readonly unknown[]) => Promise<unknown>;
}

function fixture(count: number): { nodes: MemoryNodes; store: FileStore; chain: TestChain } {
  const nodes = new MemoryNodes(count);
  // A chain that knows no file yet: everything is found by what the writer remembers.
  const chain: TestChain = {
    read: async () => {
      throw new ChainError({ code: "MODULE_REFUSED", moduleCode: "FILE_UNKNOWN", reason: "" });
    },
  };
  const read: TestChain["read"] = (...asked) => chain.read(...asked);
  const reader = { read } as unknown as Pick<ChainReader, "read">;
  const locator = new FileLocator({ chain: reader, clock: systemClock });
  const health = new NodeHealth(systemClock);
  const chainId = TEST_CHAIN_ID;
  const common = { clock: systemClock, random: systemRandom, health, locator, chainId };
  const heights = { height: async () => HEIGHT, unclaimedBlocks: 600 };
  return {
    nodes,
    chain,
    store: createNetworkFileStore(
      { ...common, ...heights, nodes, directory: nodes },
      { cacheBytes: 0 },
    ),
  };
}

function sample(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let index = 0, state = seed; index + 4 <= sizeBytes; index += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, index);
  }
  return bytes;
}

async function* streamOf(bytes: Uint8Array, pieceBytes = 100_000) {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    yield bytes.subarray(offset, offset + pieceBytes);
  }
}

async function readAll(store: FileStore, extent: Extent, range?: [number, number]) {
  const [offset, length] = range ?? [0, extent.sizeBytes];
  const parts: Uint8Array[] = [];
  for await (const part of store.read(extent, { offset, length }, NEVER)) parts.push(part.slice());
  return Buffer.concat(parts);
}

function assertReceipts(nodes: MemoryNodes, declaration: Declaration): void {
  const keys = declaration.placement
    .filter((account) => account !== ZERO_ADDRESS)
    .map((account) => nodes.nodes.find(({ miner }) => miner.account === account)?.publicKey);
  const message = receiptMessage({ chainId: TEST_CHAIN_ID, ...declaration });
  assert(keys.length >= acknowledgeCount(PROFILES.standard));
  assert(verifySameMessage(message, keys as Uint8Array[], declaration.signature));
}

for (const sizeBytes of [0, 1, 65_536, 300_001, 5 * MIB + 3, SEGMENT_BYTES_MAX + 70_000]) {
  test(`a stream of ${sizeBytes} bytes reads back, whole and in part`, async () => {
    const { nodes, store } = fixture(13);
    const body = sample(sizeBytes);
    const { extent, declaration } = await store.write(streamOf(body), OPTIONS);
    assert.equal(extent.sizeBytes, sizeBytes);
    assertReceipts(nodes, declaration);
    assert(body.equals(await readAll(store, extent)));
    const [offset, length] = [Math.floor(sizeBytes / 3), Math.ceil(sizeBytes / 2)];
    const part = await readAll(store, extent, [offset, Math.min(length, sizeBytes - offset)]);
    assert(part.equals(body.subarray(offset, offset + part.length)) || sizeBytes === 0);
  });
}

test("small objects of one moment share a bundle, and cost what they are worth", async () => {
  const { nodes, store } = fixture(12);
  const objects = Array.from({ length: 600 }, (_, index) => sample(10 * KIB, index + 1));
  const stored = await Promise.all(objects.map((object) => store.writeSmall(object, OPTIONS)));
  const declarations = new Map(stored.map(({ declaration }) => [declaration.fid, declaration]));
  assert(declarations.size < 60, `${declarations.size} bundles`);
  for (const [index, { extent }] of stored.entries()) {
    if (index % 37 === 0) assert(objects[index]?.equals(await readAll(store, extent)));
  }
  const held = nodes.nodes.flatMap((node) => [...node.fragments.values()]);
  const heldBytes = held.reduce((sum, fragment) => sum + fragment.length, 0);
  assert(heldBytes <= 1.1 * 3 * 600 * 10 * KIB, `${heldBytes} bytes are held`);
});

test("a file reads while any 8 of 12 nodes are gone", async () => {
  const { nodes, store } = fixture(12);
  const body = sample(3 * MIB);
  const { extent } = await store.write(streamOf(body), OPTIONS);
  for (const node of nodes.nodes.slice(2, 10)) node.faults.isDead = true;
  assert(body.equals(await readAll(store, extent)));
});

test("a file reads from those that an audit took it from, while they still have it", async () => {
  const { nodes, store, chain } = fixture(12);
  const body = sample(MIB);
  const { extent, declaration } = await store.write(streamOf(body), OPTIONS);
  for (const { faults } of nodes.nodes.slice(10)) faults.isDead = true;
  chain.read = async (_module, name, [_fid, _segment, column]) => {
    if (name === "orderOf") return { origin: declaration.placement[Number(column)] };
    const holdings = declaration.placement.map(() => ({ miner: ZERO_ADDRESS }));
    return { holdings, overrides: [] };
  };
  for (const { faults } of nodes.nodes.slice(0, 6)) faults.isDead = true;
  assert(body.equals(await readAll(store, extent)));
});

test("with 9 of 12 nodes gone a read fails, and says so", async () => {
  const { nodes, store } = fixture(12);
  const { extent } = await store.write(streamOf(sample(MIB)), OPTIONS);
  for (const node of nodes.nodes.slice(0, 9)) node.faults.isDead = true;
  await assert.rejects(readAll(store, extent), (cause) => hasCode(cause, "UNAVAILABLE"));
});

for (const fault of ["diesAfterBytes", "hangsAfterBytes"] as const) {
  test(`upload: a node that ${fault} is replaced, and its column is rebuilt`, async () => {
    const { nodes, store } = fixture(13);
    const body = sample(SEGMENT_BYTES_MAX + 8 * MIB);
    for (const node of nodes.nodes.slice(0, 2)) node.faults[fault] = 9 * MIB;
    const { extent, declaration } = await store.write(streamOf(body, MIB), OPTIONS);
    assertReceipts(nodes, declaration);
    const used = nodes.nodes.filter(({ miner }) => declaration.placement.includes(miner.account));
    assert(used.length >= 11);
    for (const node of used.slice(0, 7)) node.faults.isDead = true;
    assert(body.equals(await readAll(store, extent)));
  });
}

test("upload: a replacement that goes silent as well leaves the column empty", async () => {
  const { nodes, store } = fixture(13);
  const body = sample(SEGMENT_BYTES_MAX + 8 * MIB);
  for (const node of nodes.nodes) {
    const isSpare = node === nodes.nodes[12];
    // Whoever is left over takes the first segment in while it heals, and nothing more.
    node.faults.hangsAfterBytes = isSpare || node === nodes.nodes[0] ? 9 * MIB : 100 * MIB;
  }
  const { extent, declaration } = await store.write(streamOf(body, MIB), OPTIONS);
  assertReceipts(nodes, declaration);
  assert(body.equals(await readAll(store, extent)));
});

test("upload: with 12 nodes a dead one leaves its column empty", async () => {
  const { nodes, store } = fixture(12);
  (nodes.nodes[5] as (typeof nodes.nodes)[0]).faults.isDead = true;
  const body = sample(MIB);
  const large = await store.write(streamOf(body), OPTIONS);
  const small = await store.writeSmall(body.subarray(0, 5000), OPTIONS);
  for (const { declaration, extent } of [large, small]) {
    assert.equal(declaration.placement.filter((account) => account === ZERO_ADDRESS).length, 1);
    assertReceipts(nodes, declaration);
    assert(body.subarray(0, extent.sizeBytes).equals(await readAll(store, extent)));
  }
});

test("upload: with 7 of 12 nodes it fails with a clear error", async () => {
  const { nodes, store } = fixture(12);
  for (const node of nodes.nodes.slice(0, 5)) node.faults.isDead = true;
  const isTooFew = (cause: unknown) => hasCode(cause, "TOO_FEW_NODES");
  await assert.rejects(store.write(streamOf(sample(MIB)), OPTIONS), isTooFew);
  await assert.rejects(store.writeSmall(sample(100), OPTIONS), isTooFew);
});

for (const receipts of ["forged", "garbage"] as const) {
  test(`attack: a node whose receipt is ${receipts} is left out, and the upload goes on`, async () => {
    const { nodes, store } = fixture(12);
    const forger = nodes.nodes[3] as (typeof nodes.nodes)[0];
    forger.faults.receipts = receipts;
    const large = await store.write(streamOf(sample(MIB)), OPTIONS);
    const small = await store.writeSmall(sample(5000), OPTIONS);
    for (const { declaration } of [large, small]) {
      assert(!declaration.placement.includes(forger.miner.account));
      assertReceipts(nodes, declaration);
    }
  });
}

test("receipts are renewed by the miners that hold the file still, for the same territory", async () => {
  const { nodes, store } = fixture(12);
  const { declaration } = await store.write(streamOf(sample(MIB)), OPTIONS);
  assert.equal(declaration.expiryBlock, BigInt(HEIGHT + 600 - 30));
  const [dead, emptied] = nodes.nodes.filter(({ miner }) => {
    return declaration.placement.includes(miner.account);
  });
  assert(dead !== undefined && emptied !== undefined);
  dead.faults.isDead = true;
  emptied.fragments.clear();
  const renewed = await store.renew({ ...declaration, expiryBlock: 3n }, NEVER);
  assert.equal(renewed.expiryBlock, declaration.expiryBlock);
  for (const { miner } of [dead, emptied]) assert(!renewed.placement.includes(miner.account));
  assertReceipts(nodes, renewed);
  for (const node of nodes.nodes.slice(0, 6)) node.faults.isDead = true;
  const isTooFew = (cause: unknown) => hasCode(cause, "TOO_FEW_NODES");
  await assert.rejects(store.renew(declaration, NEVER), isTooFew);
});

test("upload: a body that breaks off stores nothing and ends every request", async () => {
  const { store } = fixture(12);
  const broken = async function* () {
    yield sample(MIB);
    throw new RangeError("the client left");
  };
  await assert.rejects(store.write(broken(), OPTIONS), RangeError);
});

test("read: a slow holder is gone around", async () => {
  const { nodes, store } = fixture(12);
  const body = sample(MIB);
  const { extent, declaration } = await store.write(streamOf(body), OPTIONS);
  for (const { miner, faults } of nodes.nodes) {
    const isData = declaration.placement.indexOf(miner.account) < PROFILES.standard.dataCount;
    if (isData) Object.assign(faults, { readDelayMs: 20_000 });
  }
  const startMs = systemClock.nowMs();
  assert(body.equals(await readAll(store, extent)));
  assert(systemClock.nowMs() - startMs < 10_000);
});

test("read: a range outside of the object is refused", async () => {
  const { store } = fixture(12);
  const { extent } = await store.write(streamOf(sample(1000)), OPTIONS);
  await assert.rejects(readAll(store, extent, [500, 501]), (cause) =>
    hasCode(cause, "RANGE_INVALID"),
  );
});
