import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeCache } from "./node-cache.ts";
import type { LeafNode } from "./trie-node.ts";

const leaf = (index: number): LeafNode => {
  return { kind: "leaf", path: Uint8Array.of(index), value: Uint8Array.of(1) };
};

test("what is used stays, what is not is forgotten, and no more than the maximum is held", () => {
  const cache = new NodeCache(10);
  const used = leaf(0);
  cache.set("used", used);
  cache.set("idle", leaf(1));
  for (let index = 0; index < 100; index += 1) {
    cache.set(String(index), leaf(index % 16));
    assert.equal(cache.get("used"), used);
  }
  assert.equal(cache.get("idle"), undefined);
  const held = Array.from({ length: 100 }, (_, index) => cache.get(String(index)));
  const count = held.filter((node) => node !== undefined).length;
  assert(count > 0 && count <= 10, `${count} held`);
});
