import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { MIB } from "@cess/std/units";
import { openLMDBStore } from "./lmdb-store.ts";
import type { MetaStore } from "./meta-store.ts";

let path: string;
let store: MetaStore;
const open = () => openLMDBStore({ path, sizeBytesMax: 64 * MIB });
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "cess-meta-"));
  store = open();
});
afterEach(async () => {
  await store.close();
  rmSync(path, { recursive: true, force: true });
});

const key = (...bytes: number[]) => Uint8Array.of(...bytes);

test("a transaction that throws writes nothing, its neighbours in the same commit all", async () => {
  class RefusedError extends Error {}
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      store.update((writer) => {
        writer.put(key(1, index), key(index));
        if (index % 2 === 1) throw new RefusedError();
        return index;
      }),
    ),
  );
  outcomes.forEach((outcome, index) => {
    const isRefused = index % 2 === 1;
    assert.equal(outcome.status, isRefused ? "rejected" : "fulfilled");
    assert.deepEqual(store.get(key(1, index))?.[0], isRefused ? undefined : index);
  });
});

test("transactions see their own writes, and run one after the other", async () => {
  await Promise.all(
    Array.from({ length: 100 }, () =>
      store.update((writer) => {
        const count = writer.get(key(2))?.[0] ?? 0;
        writer.put(key(2), key(count + 1));
        assert.equal(writer.get(key(2))?.[0], count + 1);
        writer.put(key(3), key(1));
        writer.delete(key(3));
        assert.equal(writer.get(key(3)), undefined);
      }),
    ),
  );
  assert.equal(store.get(key(2))?.[0], 100);
});

test("ranges are ordered by bytes and end before their end; a reopened store has it all", async () => {
  const keys = [key(5), key(5, 0), key(5, 0xff), key(5, 0xff, 0xff), key(6), key(4, 0xff)];
  await store.update((writer) => {
    for (const each of keys) writer.put(each, each);
  });
  await store.close();
  store = open();
  const found = [...store.range(key(5), key(6))].map((entry) => [...entry.key]);
  assert.deepEqual(found, [[5], [5, 0], [5, 0xff], [5, 0xff, 0xff]]);
});
