import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import { Ledger } from "./ledger.ts";
import { PIECE_STATE, type Piece, UNPROMISED, UNTAGGED } from "./piece.ts";

let folder: string;
let ledger: Ledger;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cess-ledger-"));
  ledger = new Ledger(folder);
});

after(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const hash = (fill: number): Hex => `0x${fill.toString(16).padStart(2, "0").repeat(32)}`;

function createPiece(change: Partial<Piece> = {}): Piece {
  return {
    ...UNTAGGED,
    ...UNPROMISED,
    fid: hash(1),
    segment: 0,
    column: 0,
    fragmentId: hash(100),
    fileSizeBytes: 10,
    profileId: 0,
    path: { segmentIndex: 0, column: 0, segmentPath: [], filePath: [new Uint8Array(32)] },
    state: PIECE_STATE.claimed,
    sinceBlock: 7,
    ...change,
  };
}

test("pieces are found by place, column, file, state and fragment, through every change", async () => {
  const pieces = [
    createPiece(),
    createPiece({ segment: 1 }),
    createPiece({ segment: 300, column: 0 }),
    createPiece({ column: 1, fragmentId: hash(101) }),
    createPiece({ fid: hash(0xff), segment: 0xffff - 1, column: 255 }),
  ];
  await ledger.change(() => {
    for (const piece of pieces) ledger.putPiece(piece);
  });
  assert.deepEqual(ledger.piece(pieces[1] as Piece), pieces[1]);
  assert.deepEqual(ledger.piecesOfColumn(hash(1), 0), pieces.slice(0, 3));
  assert.deepEqual(ledger.piecesOfFile(hash(1)), pieces.slice(0, 4));
  assert.deepEqual(ledger.piecesOfFile(hash(0xff)), pieces.slice(4));
  assert.deepEqual(ledger.piecesIn(PIECE_STATE.claimed, 2), pieces.slice(0, 2));
  assert.deepEqual(ledger.piecesIn(PIECE_STATE.claimed, 2, pieces[1]), pieces.slice(2, 4));
  assert.equal(ledger.piecesOfFragment(hash(100)).length, 4);

  const moved = { ...(pieces[0] as Piece), state: PIECE_STATE.tagged, mac: new Uint8Array(32) };
  await ledger.change(() => ledger.putPiece(moved));
  assert.deepEqual(ledger.piecesIn(PIECE_STATE.tagged, 9), [moved]);
  assert.equal(ledger.piecesIn(PIECE_STATE.claimed, 9).length, 4);

  await ledger.change(() => {
    for (const piece of pieces) ledger.dropPiece(piece);
  });
  assert(ledger.piecesOfFile(hash(1)).length === 0 && !ledger.isNeeded(hash(100)));
  assert.deepEqual(ledger.piecesIn(PIECE_STATE.tagged, 9), []);
});

test("a change is all or nothing", async () => {
  const change = ledger.change(() => {
    ledger.putPiece(createPiece({ fid: hash(2) }));
    throw new RangeError("half way");
  });
  await assert.rejects(change, RangeError);
  assert(ledger.piecesOfFile(hash(2)).length === 0);
});

test("a mark that a later event renewed is not cleared", async () => {
  await ledger.change(() => ledger.markDirty(hash(3), 10));
  const [seen] = ledger.dirtyFiles(9);
  await ledger.change(() => ledger.markDirty(hash(3), 11));
  await ledger.change(() => ledger.clearDirty(hash(3), seen?.height as number));
  assert.deepEqual(ledger.dirtyFiles(9), [{ fid: hash(3), height: 11 }]);
  await ledger.change(() => ledger.clearDirty(hash(3), 11));
  assert.deepEqual(ledger.dirtyFiles(9), []);
});

test("fragments are walked through in order, and counted", async () => {
  const record = { sizeBytes: 5n, sender: `0x${"11".repeat(20)}` as const, storedMs: 1n };
  const leafHashes = [new Uint8Array(32).fill(9)];
  await ledger.change(() => {
    for (const fill of [7, 3, 5]) ledger.putFragment(hash(fill), { ...record, leafHashes });
  });
  const ids = (after?: Hex) => ledger.fragmentsAfter(after, 2).map(([id]) => id);
  assert.deepEqual(ids(), [hash(3), hash(5)]);
  assert.deepEqual(ids(hash(5)), [hash(7)]);
  assert.deepEqual(ledger.sumFragments(), { count: 3, sizeBytes: 15 });
  assert.deepEqual(ledger.fragment(hash(7)), { ...record, leafHashes });
});

test("the height that was followed outlives a restart", async () => {
  assert.equal(ledger.followedHeight, undefined);
  await ledger.change(() => ledger.putFollowedHeight(12_345));
  await ledger.flush();
  await ledger.close();
  ledger = new Ledger(folder);
  assert.equal(ledger.followedHeight, 12_345);
});
