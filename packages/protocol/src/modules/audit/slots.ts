/**
 * What each miner holds, by slot, and how many blocks of each slot are in its audit set.
 *
 * The counts are the leaves of a sum tree with 64 children a node: a change writes one node a
 * level, a position among all blocks is found by walking down. Slots of what is gone are used again.
 * @module
 */
import assert from "node:assert/strict";
import { bytes, struct, u8, u32, union } from "@cess/codec/codec";
import { asBuffer, type Hex } from "@cess/std/bytes";
import type { ModuleHost } from "../../module.ts";
import { address, defineTable, type Place, placeCodec, safe64 } from "../../storage.ts";

export const FAN_OUT = 64;
/** Counts are below 2^48. */
const COUNT_BYTES = 6;
const NODE_BYTES = FAN_OUT * COUNT_BYTES;
const NONE = 0xffff_ffff;

interface Header {
  /** Slots ever used at once. */
  readonly slotCount: number;
  readonly usedCount: number;
  /** First of the chain of free slots, or {@link NONE}. */
  readonly freeSlot: number;
  /** Levels of the tree: it spans 64^levels slots. */
  readonly levels: number;
  readonly blockCount: number;
}

type Slot =
  | { readonly kind: "free"; readonly next: number }
  | { readonly kind: "used"; readonly place: Place };

interface NodeKey {
  readonly miner: Hex;
  readonly level: number;
  readonly index: number;
}

const EMPTY: Header = { slotCount: 0, usedCount: 0, freeSlot: NONE, levels: 1, blockCount: 0 };

const headers = defineTable(
  { module: "audit", name: "headers" },
  address,
  struct<Header>({
    slotCount: u32,
    usedCount: u32,
    freeSlot: u32,
    levels: u8,
    blockCount: safe64,
  }),
);
const slots = defineTable(
  { module: "audit", name: "slots" },
  struct<{ miner: Hex; slot: number }>({ miner: address, slot: u32 }),
  union<Slot>({
    free: struct<{ next: number }>({ next: u32 }),
    used: struct<{ place: Place }>({ place: placeCodec }),
  }),
);
const nodes = defineTable(
  { module: "audit", name: "nodes" },
  struct<NodeKey>({ miner: address, level: u8, index: u32 }),
  bytes(NODE_BYTES),
);

export async function countUsedSlots(host: ModuleHost, miner: Hex): Promise<number> {
  return (await headerOf(host, miner)).usedCount;
}

/** Slots that a walk over all of them visits, free ones among them. */
export async function countSlots(host: ModuleHost, miner: Hex): Promise<number> {
  return (await headerOf(host, miner)).slotCount;
}

/** Blocks in the audit set of a miner. */
export async function countAuditBlocks(host: ModuleHost, miner: Hex): Promise<number> {
  return (await headerOf(host, miner)).blockCount;
}

/** What is in a slot; nothing if it is free. */
export async function placeAt(
  host: ModuleHost,
  miner: Hex,
  slot: number,
): Promise<Place | undefined> {
  const found = await slots.get(host, { miner, slot });
  return found?.kind === "used" ? found.place : undefined;
}

/** Gives a place a slot with no blocks in the audit set. */
export async function takeSlot(host: ModuleHost, miner: Hex, place: Place): Promise<number> {
  const header = await headerOf(host, miner);
  const usedCount = header.usedCount + 1;
  if (header.freeSlot === NONE) {
    const slot = header.slotCount;
    await slots.set(host, { miner, slot }, { kind: "used", place });
    await headers.set(host, miner, { ...header, slotCount: slot + 1, usedCount });
    return slot;
  }
  const slot = header.freeSlot;
  const free = await slots.get(host, { miner, slot });
  assert(free?.kind === "free", "the chain of free slots leads to a used one");
  await slots.set(host, { miner, slot }, { kind: "used", place });
  await headers.set(host, miner, { ...header, freeSlot: free.next, usedCount });
  return slot;
}

/** Empties a slot, whose blocks leave the audit set. */
export async function freeSlot(host: ModuleHost, miner: Hex, slot: number): Promise<void> {
  await setSlotBlocks(host, { miner, slot, blockCount: 0 });
  const header = await headerOf(host, miner);
  await slots.set(host, { miner, slot }, { kind: "free", next: header.freeSlot });
  const usedCount = header.usedCount - 1;
  await headers.set(host, miner, { ...header, freeSlot: slot, usedCount });
}

/** Sets how many blocks of a slot are in the audit set. */
export async function setSlotBlocks(
  host: ModuleHost,
  entry: { readonly miner: Hex; readonly slot: number; readonly blockCount: number },
): Promise<void> {
  const { miner, slot, blockCount } = entry;
  const header = await growFor(host, miner, slot);
  let change = blockCount;
  let child = slot;
  for (let level = 0; level < header.levels; level += 1) {
    const key = { miner, level, index: Math.floor(child / FAN_OUT) };
    const node = (await nodes.get(host, key)) ?? new Uint8Array(NODE_BYTES);
    const before = countAt(node, child % FAN_OUT);
    if (level === 0) change = blockCount - before;
    if (change === 0) return;
    setCountAt(node, child % FAN_OUT, before + change);
    const isEmpty = node.every((byte) => byte === 0);
    await (isEmpty ? nodes.delete(host, key) : nodes.set(host, key, node));
    child = key.index;
  }
  await headers.set(host, miner, { ...header, blockCount: header.blockCount + change });
}

/** Finds the slots of positions in the audit set; reads every node once. */
export async function findPositions(
  host: ModuleHost,
  miner: Hex,
  positions: readonly number[],
): Promise<readonly { readonly slot: number; readonly offset: number }[]> {
  const { levels, blockCount } = await headerOf(host, miner);
  const read = new Map<string, Uint8Array>();
  async function nodeAt(level: number, index: number): Promise<Uint8Array> {
    const name = `${level} ${index}`;
    const node = read.get(name) ?? (await nodes.get(host, { miner, level, index }));
    assert(node !== undefined, "the sum tree counts blocks where it has no node");
    read.set(name, node);
    return node;
  }
  const found: { slot: number; offset: number }[] = [];
  for (const position of positions) {
    assert(position >= 0 && position < blockCount);
    let index = 0;
    let offset = position;
    for (let level = levels - 1; level >= 0; level -= 1) {
      const step = childAt(await nodeAt(level, index), offset);
      index = index * FAN_OUT + step.child;
      offset = step.offset;
    }
    found.push({ slot: index, offset });
  }
  return found;
}

/** Drops the header of a miner that holds nothing. */
export async function forgetSlots(host: ModuleHost, miner: Hex): Promise<void> {
  const header = await headerOf(host, miner);
  assert(header.usedCount === 0 && header.blockCount === 0);
  await headers.delete(host, miner);
}

async function headerOf(host: ModuleHost, miner: Hex): Promise<Header> {
  return (await headers.get(host, miner)) ?? EMPTY;
}

/** Adds levels on top until the tree spans `slot`: the old root becomes the first child. */
async function growFor(host: ModuleHost, miner: Hex, slot: number): Promise<Header> {
  let header = await headerOf(host, miner);
  while (slot >= FAN_OUT ** header.levels) {
    if (header.blockCount > 0) {
      const root = new Uint8Array(NODE_BYTES);
      setCountAt(root, 0, header.blockCount);
      await nodes.set(host, { miner, level: header.levels, index: 0 }, root);
    }
    header = { ...header, levels: header.levels + 1 };
    await headers.set(host, miner, header);
  }
  return header;
}

function childAt(node: Uint8Array, offset: number): { child: number; offset: number } {
  let rest = offset;
  for (let child = 0; child < FAN_OUT; child += 1) {
    const count = countAt(node, child);
    if (rest < count) return { child, offset: rest };
    rest -= count;
  }
  assert.fail("the counts of a node do not add up to its parent's");
}

function countAt(node: Uint8Array, child: number): number {
  return asBuffer(node).readUIntBE(child * COUNT_BYTES, COUNT_BYTES);
}

function setCountAt(intoNode: Uint8Array, child: number, count: number): void {
  asBuffer(intoNode).writeUIntBE(count, child * COUNT_BYTES, COUNT_BYTES);
}
