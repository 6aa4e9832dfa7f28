import assert from "node:assert/strict";
import { test } from "node:test";
import { PROFILES } from "@cess/params/profile";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { Bundler } from "./bundler.ts";
import type { UploadedFile } from "./file-upload.ts";

const signal = new AbortController().signal;
const territory: Hex = `0x${"11".repeat(32)}`;
const OPTIONS = { territory, profile: PROFILES.standard, signal };

/** A store that finishes when it is told to. */
function fixture() {
  const bundles: { readonly bytes: Uint8Array; finish(cause?: Error): void }[] = [];
  const bundler = new Bundler({
    clock: systemClock,
    store: (bytes) => {
      const { promise, resolve, reject } = Promise.withResolvers<UploadedFile>();
      const finish = (cause?: Error) =>
        cause === undefined ? resolve({} as UploadedFile) : reject(cause);
      bundles.push({ bytes, finish });
      return promise;
    },
  });
  const until = async (count: number) => {
    while (bundles.length < count) await systemClock.sleep(1);
  };
  return { bundles, bundler, until };
}

test("what arrives while a bundle is on its way goes into the next one", async () => {
  const { bundles, bundler, until } = fixture();
  const first = bundler.add(Uint8Array.of(1), OPTIONS);
  await until(1);
  const later = [2, 3, 4].map((value) => bundler.add(Uint8Array.of(value), OPTIONS));
  await systemClock.sleep(30);
  assert.equal(bundles.length, 1);
  bundles[0]?.finish();
  await first;
  await until(2);
  bundles[1]?.finish();
  const offsets = (await Promise.all(later)).map(({ offset }) => offset);
  assert.deepEqual([offsets, bundles[1]?.bytes], [[0, 1, 2], Buffer.from([2, 3, 4])]);
});

test("a slow bundle does not hold the next one up", async () => {
  const { bundles, bundler, until } = fixture();
  const first = bundler.add(Uint8Array.of(1), OPTIONS);
  await until(1);
  const second = bundler.add(Uint8Array.of(2), OPTIONS);
  await until(2);
  bundles[1]?.finish();
  await second;
  bundles[0]?.finish();
  await first;
});

test("a bundle that fails fails its own items, and the next goes on", async () => {
  const { bundles, bundler, until } = fixture();
  const failing = assert.rejects(bundler.add(Uint8Array.of(1), OPTIONS), RangeError);
  await until(1);
  bundles[0]?.finish(new RangeError("no nodes"));
  await failing;
  const next = bundler.add(Uint8Array.of(2), OPTIONS);
  await until(2);
  bundles[1]?.finish();
  assert.equal((await next).offset, 0);
});

test("territories and profiles do not share a bundle, and a bundle has its largest size", async () => {
  const { bundles, bundler, until } = fixture();
  const big = new Uint8Array(3 * 2 ** 20);
  void bundler.add(big, OPTIONS);
  void bundler.add(big, OPTIONS);
  void bundler.add(big, { ...OPTIONS, profile: PROFILES.economy });
  await until(2);
  assert.deepEqual([bundles[0]?.bytes.length, bundles[1]?.bytes.length], [big.length, big.length]);
});
