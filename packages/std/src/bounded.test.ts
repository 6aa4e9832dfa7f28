import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "./bounded-map.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import { BytesError, bigintToBytes, bytesToBigint, bytesToHex, hexToBytes } from "./bytes.ts";
import { Semaphore } from "./semaphore.ts";
import { formatSize } from "./units.ts";

test("a full queue refuses and keeps what it has", () => {
  const queue = new BoundedQueue<number>(2);
  assert(queue.push(1) && queue.push(2));
  assert.equal(queue.push(3), false);
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], [1, 2, undefined]);
});

test("a full map forgets the least recently used entry", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [1, undefined, 3]);
});

test("a semaphore runs no more at once than it may, and all in the end", async () => {
  const semaphore = new Semaphore(2);
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await Promise.all(
    [1, 2, 3, 4, 5].map((task) =>
      semaphore.run(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        done.push(task);
      }),
    ),
  );
  assert.equal(most, 2);
  assert.deepEqual(done, [1, 2, 3, 4, 5]);
});

test("hex and integers convert both ways, and malformed hex is refused", () => {
  assert.equal(bytesToHex(hexToBytes("0xAb01")), "0xab01");
  assert.equal(bytesToBigint(bigintToBytes(513n, 4)), 513n);
  for (const text of ["0xabc", "zz", "0x00"]) {
    assert.throws(() => hexToBytes(text, 2), BytesError);
  }
});

test("sizes read well", () => {
  assert.deepEqual([0, 1536, 33 * 2 ** 20].map(formatSize), ["0 B", "1.50 KiB", "33.0 MiB"]);
});
