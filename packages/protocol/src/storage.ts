/**
 * Typed tables over a module's storage. The slot of an entry is SHA-256(table name ‖ 0 ‖ key), its
 * value the codec's bytes; tables hold no state themselves, only what follows from keys and bytes.
 * @module
 */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { bytes, type Codec, decode, encode, struct, u8, u16, u32, u64 } from "@cess/codec/codec";
import { BoundedMap } from "@cess/std/bounded-map";
import {
  asBuffer,
  bigintToBytes,
  bytesToBigint,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
  utf8ToBytes,
} from "@cess/std/bytes";
import { MODULE_ADDRESSES, type ModuleName } from "./addresses.ts";
import type { ModuleHost } from "./module.ts";

export interface Table<Key, Value> {
  /** The value, frozen except for byte arrays. */
  get(host: ModuleHost, key: Key): Promise<Value | undefined>;
  set(host: ModuleHost, key: Key, value: Value): Promise<void>;
  delete(host: ModuleHost, key: Key): Promise<void>;
}

export interface Cell<Value> {
  /** The value last set, or the one declared with the cell. */
  get(host: ModuleHost): Promise<Value>;
  set(host: ModuleHost, value: Value): Promise<void>;
}

/** Values without holes, in an order that removals may change. */
export interface IndexedSet<Group, Value> {
  count(host: ModuleHost, group: Group): Promise<number>;
  at(host: ModuleHost, group: Group, index: number): Promise<Value | undefined>;
  has(host: ModuleHost, group: Group, value: Value): Promise<boolean>;
  /** Does nothing if it is there. */
  add(host: ModuleHost, group: Group, value: Value): Promise<void>;
  /** The last value takes the place of the removed one. Does nothing if it is not there. */
  remove(host: ModuleHost, group: Group, value: Value): Promise<void>;
  page(host: ModuleHost, group: Group, page: Page): Promise<readonly Value[]>;
}

export interface Page {
  readonly offset: bigint;
  readonly count: bigint;
}

/** Items that wait for a block. Every block must take what is due. */
export interface Schedule<Item> {
  /** To be taken in `block`, or in the next one if that is past. */
  add(host: ModuleHost, block: bigint, item: Item): Promise<void>;
  /** Up to `countMax` due items, in the order of their blocks and then of their adding. */
  takeDue(host: ModuleHost, countMax: number): Promise<readonly Item[]>;
}

/** Most entries that a list view returns. */
export const PAGE_COUNT_MAX = 100;
/** Key of the only group of a set that has no groups. */
export const NO_GROUP: Record<string, never> = {};
export const unit: Codec<Record<string, never>> = struct<Record<string, never>>({});

const ZERO = Uint8Array.of(0);
/** Slots that a table remembers. */
const SLOTS_MAX = 2048;

export function defineTable<Key, Value>(
  at: { readonly module: ModuleName; readonly name: string },
  key: Codec<Key>,
  value: Codec<Value>,
): Table<Key, Value> {
  const address = MODULE_ADDRESSES[at.module];
  const prefix = concatBytes(utf8ToBytes(at.name), ZERO);
  /** PERF: accounts and files come as text; their slots are asked for again and again. */
  const slots = new BoundedMap<string, Uint8Array>(SLOTS_MAX);
  /** PERF: by the array that storage gave, which the host never changes. */
  const decoded = new WeakMap<Uint8Array, Value>();
  function slotOf(of: Key): Uint8Array {
    const encoded = typeof of === "string" ? undefined : encode(key, of);
    const name = encoded === undefined ? String(of) : asBuffer(encoded).toString("latin1");
    const known = slots.get(name);
    if (known !== undefined) return known;
    const slot = hash("sha256", concatBytes(prefix, encoded ?? encode(key, of)), "buffer");
    slots.set(name, slot);
    return slot;
  }
  function read(stored: Uint8Array): Value {
    const known = decoded.get(stored);
    if (known !== undefined) return known;
    const fresh = decode(value, stored);
    if (freezeAll(fresh)) decoded.set(stored, fresh);
    return fresh;
  }
  return {
    async get(host, of) {
      const stored = await host.getStorage(address, slotOf(of));
      return stored === undefined ? undefined : read(stored);
    },
    set: (host, of, to) => host.setStorage(address, slotOf(of), encode(value, to)),
    delete: (host, of) => host.setStorage(address, slotOf(of), undefined),
  };
}

/** Freezes a value and all in it; false if it holds bytes, which cannot be frozen. */
function freezeAll(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (ArrayBuffer.isView(value)) return false;
  Object.freeze(value);
  return Object.values(value).map(freezeAll).every(Boolean);
}

export function defineCell<Value>(
  at: { readonly module: ModuleName; readonly name: string },
  value: Codec<Value>,
  initial: Value,
): Cell<Value> {
  const table = defineTable(at, unit, value);
  return {
    get: async (host) => (await table.get(host, NO_GROUP)) ?? initial,
    set: (host, to) => table.set(host, NO_GROUP, to),
  };
}

export function defineIndexedSet<Group extends object, Value>(
  at: { readonly module: ModuleName; readonly name: string },
  group: Codec<Group>,
  value: Codec<Value>,
): IndexedSet<Group, Value> {
  const { module, name } = at;
  const counts = defineTable({ module, name: `${name}/count` }, group, u32);
  const places = defineTable({ module, name: `${name}/place` }, pair(group, u32), value);
  const indexes = defineTable({ module, name: `${name}/index` }, pair(group, value), u32);
  const countOf = async (host: ModuleHost, of: Group) => (await counts.get(host, of)) ?? 0;
  return {
    count: countOf,
    at: (host, of, index) => places.get(host, { left: of, right: index }),
    has: async (host, of, item) => {
      return (await indexes.get(host, { left: of, right: item })) !== undefined;
    },
    async add(host, of, item) {
      if ((await indexes.get(host, { left: of, right: item })) !== undefined) return;
      const index = await countOf(host, of);
      await places.set(host, { left: of, right: index }, item);
      await indexes.set(host, { left: of, right: item }, index);
      await counts.set(host, of, index + 1);
    },
    async remove(host, of, item) {
      const index = await indexes.get(host, { left: of, right: item });
      if (index === undefined) return;
      const lastIndex = (await countOf(host, of)) - 1;
      const last = await places.get(host, { left: of, right: lastIndex });
      if (last !== undefined && index !== lastIndex) {
        await places.set(host, { left: of, right: index }, last);
        await indexes.set(host, { left: of, right: last }, index);
      }
      await places.delete(host, { left: of, right: lastIndex });
      await indexes.delete(host, { left: of, right: item });
      if (lastIndex === 0) await counts.delete(host, of);
      else await counts.set(host, of, lastIndex);
    },
    async page(host, of, { offset, count }) {
      const end = await countOf(host, of);
      const indexes = pageIndexes({ offset, count }, end);
      const found: Value[] = [];
      for (const index of indexes) {
        const item = await places.get(host, { left: of, right: index });
        if (item !== undefined) found.push(item);
      }
      return found;
    },
  };
}

export function defineSchedule<Item>(
  at: { readonly module: ModuleName; readonly name: string },
  item: Codec<Item>,
): Schedule<Item> {
  const { module, name } = at;
  const counts = defineTable({ module, name: `${name}/count` }, u64, u32);
  const items = defineTable({ module, name: `${name}/item` }, pair(u64, u32), item);
  /** Where to go on, if a block had more due than it could take. */
  const backlog = defineTable({ module, name: `${name}/backlog` }, unit, pair(u64, u32));
  return {
    async add(host, wanted, value) {
      const block = wanted > host.height ? wanted : host.height + 1n;
      const count = (await counts.get(host, block)) ?? 0;
      await items.set(host, { left: block, right: count }, value);
      await counts.set(host, block, count + 1);
    },
    async takeDue(host, countMax) {
      const behind = await backlog.get(host, NO_GROUP);
      const taken: Item[] = [];
      let index = behind?.right ?? 0;
      for (let block = behind?.left ?? host.height; block <= host.height; block += 1n) {
        const count = (await counts.get(host, block)) ?? 0;
        for (; index < count && taken.length < countMax; index += 1) {
          const key = { left: block, right: index };
          const value = await items.get(host, key);
          assert(value !== undefined, "a scheduled item is gone");
          taken.push(value);
          await items.delete(host, key);
        }
        if (index < count) {
          await backlog.set(host, NO_GROUP, { left: block, right: index });
          return taken;
        }
        if (count > 0) await counts.delete(host, block);
        index = 0;
      }
      if (behind !== undefined) await backlog.delete(host, NO_GROUP);
      return taken;
    },
  };
}

/** Positions of a page among `total`, at most {@link PAGE_COUNT_MAX}. */
export function pageIndexes(page: Page, total: number): readonly number[] {
  const start = page.offset < BigInt(total) ? Number(page.offset) : total;
  const wanted = page.count < BigInt(PAGE_COUNT_MAX) ? Number(page.count) : PAGE_COUNT_MAX;
  return Array.from({ length: Math.min(wanted, total - start) }, (_, index) => start + index);
}

/** Exactly `sizeBytes` bytes as lower-case hex. */
export function hex(sizeBytes: number): Codec<Hex> {
  return convertedFixed(bytes(sizeBytes), {
    sizeBytes,
    fromStored: bytesToHex,
    toStored: (text) => hexToBytes(text, sizeBytes),
  });
}

export const address: Codec<Hex> = hex(20);
export const hash32: Codec<Hex> = hex(32);
/** A u64 that is known to stay a safe integer. */
export const safe64: Codec<number> = convertedFixed(u64, {
  sizeBytes: 8,
  fromStored: Number,
  toStored: BigInt,
});
/** An amount of 256 bits. */
export const u256: Codec<bigint> = convertedFixed(bytes(32), {
  sizeBytes: 32,
  fromStored: bytesToBigint,
  toStored(value) {
    assert.equal(BigInt.asUintN(256, value), value);
    return bigintToBytes(value, 32);
  },
});

export function pair<Left, Right>(
  left: Codec<Left>,
  right: Codec<Right>,
): Codec<{ left: Left; right: Right }> {
  return struct<{ left: Left; right: Right }>({ left, right });
}

/** Where a fragment or a whole column is: the key of orders and holdings. */
export interface Place {
  readonly fid: Hex;
  readonly segment: number;
  readonly column: number;
}

export const placeCodec: Codec<Place> = struct<Place>({ fid: hash32, segment: u16, column: u8 });

/** A codec of another type; the size is named, so that nothing is converted only to be measured. */
function convertedFixed<Stored, Value>(
  inner: Codec<Stored>,
  as: {
    readonly sizeBytes: number;
    readonly fromStored: (stored: Stored) => Value;
    readonly toStored: (value: Value) => Stored;
  },
): Codec<Value> {
  return {
    sizeBytes: () => as.sizeBytes,
    write: (value, into) => inner.write(as.toStored(value), into),
    read: (from) => as.fromStored(inner.read(from)),
  };
}
