import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { LEAF_BYTES } from "@cess/params/profile";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { GIB } from "@cess/std/units";
import { FragmentFiles } from "./fragment-files.ts";
import { FragmentStore } from "./fragment-store.ts";
import { Ledger } from "./ledger.ts";
import { createNodeMetrics } from "./metrics.ts";
import { PIECE_STATE, UNPROMISED, UNTAGGED } from "./piece.ts";

const sender: Hex = `0x${"11".repeat(20)}`;
let folder: string;
let files: FragmentFiles;
let ledger: Ledger;
let store: FragmentStore;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cess-fragments-"));
  await open();
});

after(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

async function open(): Promise<void> {
  files = new FragmentFiles(folder);
  ledger = new Ledger(join(folder, "index"));
  const counts = createNodeMetrics(createPrometheusMetrics());
  const limits = { capacityBytes: GIB, reserveBytes: 0 };
  store = new FragmentStore({ files, ledger, clock: systemClock, counts }, limits);
  await store.open();
}

async function write(bytes: Uint8Array): Promise<Hex> {
  const body = (async function* () {
    yield bytes.subarray(0, 10);
    yield bytes.subarray(10);
  })();
  return (await store.write(body, { sender, sizeBytesMax: bytes.length })).id;
}

test("a fragment of one leaf is kept in the ledger, a larger one as a file", async () => {
  for (const [sizeBytes, isFile] of [
    [LEAF_BYTES, false],
    [LEAF_BYTES + 1, true],
  ] as const) {
    const bytes = systemRandom.bytes(sizeBytes);
    const id = await write(bytes);
    assert.deepEqual(await store.readAll(id), bytes);
    assert.equal(existsSync(files.fragmentPath(id)), isFile);
    assert.equal(ledger.bytesOf(id) === undefined, isFile);
    assert(await store.remove(id));
    await assert.rejects(store.readAll(id), (cause) => hasCode(cause, "FRAGMENT_NOT_FOUND"));
    assert(!existsSync(files.fragmentPath(id)) && ledger.bytesOf(id) === undefined);
  }
  assert.equal(store.usedBytes, 0);
});

test("a byte that flipped in the ledger is never served, and its pieces are lost", async () => {
  const bytes = systemRandom.bytes(1000);
  const id = await write(bytes);
  const path = { segmentIndex: 0, column: 0, segmentPath: [], filePath: [] };
  const place = { fid: id, segment: 0, column: 0 };
  const file = { fileSizeBytes: 9, profileId: 0, path, fragmentId: id, sinceBlock: 1 };
  const piece = { ...UNTAGGED, ...UNPROMISED, ...place, ...file, state: PIECE_STATE.reported };
  const flipped = bytes.map((byte, index) => (index === 999 ? byte ^ 1 : byte));
  await ledger.change(() => {
    ledger.putPiece(piece);
    ledger.putTags(piece, new Uint8Array(48));
    ledger.putBytes(id, flipped);
  });
  await assert.rejects(store.verify(id), (cause) => hasCode(cause, "FRAGMENT_LOST"));
  assert.equal(ledger.piece(piece)?.state, PIECE_STATE.lost);
  assert(store.info(id) === undefined && ledger.bytesOf(id) === undefined);
  await ledger.change(() => ledger.dropPiece(piece));
  assert.equal(ledger.tagsOf(piece), undefined);
});

test("a fragment that was synced outlives a process that is killed", async () => {
  await ledger.close();
  const script = `
    const [folder, source] = process.argv.slice(1);
    const at = (name) => import(source + "/" + name);
    const { FragmentFiles } = await at("fragment-files.ts");
    const { FragmentStore } = await at("fragment-store.ts");
    const { Ledger } = await at("ledger.ts");
    const ledger = new Ledger(folder + "/index");
    const files = new FragmentFiles(folder);
    const clock = { nowMs: () => 0, wallMs: () => 0 };
    const counts = { receivedBytes: { inc() {} } };
    const limits = { capacityBytes: 1e9, reserveBytes: 0 };
    const store = new FragmentStore({ files, ledger, clock, counts }, limits);
    await store.open();
    const sender = "0x" + "11".repeat(20);
    const ids = [];
    for (const size of [500, 60_000, 100_000]) {
      const body = (async function* () { yield new Uint8Array(size).fill(7); })();
      ids.push((await store.write(body, { sender, sizeBytesMax: size })).id);
    }
    await store.syncFiles(ids);
    await ledger.flush();
    console.log(ids.join(" "));
    process.kill(process.pid, "SIGKILL");
  `;
  const child = spawn(process.execPath, [
    ...["--input-type=module", "-e", script, folder],
    import.meta.dirname,
  ]);
  const [output, errors] = [text(child.stdout), text(child.stderr)];
  const signal = await new Promise((resolve) => child.on("exit", (_, name) => resolve(name)));
  assert.equal(signal, "SIGKILL", await errors);
  const ids = (await output).trim().split(" ") as Hex[];
  await open();
  const sizes = await Promise.all(ids.map(async (id) => (await store.readAll(id)).length));
  assert.deepEqual(sizes, [500, 60_000, 100_000]);
  assert.equal(store.count, 3);
});
