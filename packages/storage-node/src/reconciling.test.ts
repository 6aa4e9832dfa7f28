import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ChainSender } from "@cess/chain-client/chain";
import { ChainError } from "@cess/chain-client/error";
import type { ChainEvent } from "@cess/chain-client/modules";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { SEGMENT_ALL } from "@cess/protocol/states";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { Ledger } from "./ledger.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece, promiseMore, UNPROMISED, UNTAGGED } from "./piece.ts";
import { reconcileFile, takeIn } from "./reconciling.ts";
import { Watch } from "./watch.ts";

const self: Hex = `0x${"11".repeat(20)}`;
const other: Hex = `0x${"22".repeat(20)}`;
const tee: Hex = `0x${"33".repeat(20)}`;
const fid: Hex = `0x${"44".repeat(32)}`;
const territory = fid;
const elsewhere: Hex = `0x${"55".repeat(32)}`;
const { claimed, declared, tagged, reported, restoring, lost, closed, released } = PIECE_STATE;
let folder: string;
let context: NodeContext;
let storedId: Hex | undefined = fid;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cess-reconciling-"));
  const watch = () => new Watch(systemClock, { intervalMs: 60_000 });
  context = {
    chain: { account: self },
    ledger: new Ledger(folder),
    store: { info: (id: Hex) => (id === storedId ? {} : undefined) },
    challenges: watch(),
    orders: watch(),
  } as unknown as NodeContext;
});

after(async () => {
  await context.ledger.close();
  await rm(folder, { recursive: true });
});

/** What becomes of a piece at segment 0 of column 1; undefined if its file gets marked. */
async function stateAfter(state: number, event: object): Promise<number | undefined> {
  const { ledger } = context;
  const path = { segmentIndex: 0, column: 1, segmentPath: [], filePath: [] };
  const place = { fid, segment: 0, column: 1, fragmentId: fid };
  const file = { fileSizeBytes: 9, profileId: 0, path, sinceBlock: 1 };
  const piece: Piece = { ...UNTAGGED, ...UNPROMISED, ...place, ...file, tee, state };
  await ledger.change(() => {
    ledger.putPiece(piece);
    ledger.clearDirty(fid, 7);
    takeIn(context, { module: "files", height: 7, ...event } as ChainEvent);
  });
  return ledger.dirtyFiles(1).length > 0 ? undefined : ledger.piece(piece)?.state;
}

test("a declaration says by itself what becomes of a claim", async () => {
  const declare = (placement: readonly Hex[]) => {
    return { name: "Declared", args: { fid, territory, sizeBytes: 9n, profile: 0, placement } };
  };
  const ours = declare([other, self]);
  assert.equal(await stateAfter(claimed, ours), declared);
  // Named, but at another column: the claim may still be declared some time.
  assert.equal(await stateAfter(claimed, declare([self, other])), claimed);
  assert.equal(await stateAfter(claimed, declare([other, ZERO_ADDRESS])), claimed);
  for (const state of [declared, tagged, reported, restoring, lost, closed]) {
    assert.equal(await stateAfter(state, ours), undefined);
  }
  storedId = undefined;
  assert.equal(await stateAfter(claimed, ours), lost);
  storedId = fid;
});

test("a report says so of pieces that this worker tagged, and of no others", async () => {
  const args = { fid, miner: self, segment: SEGMENT_ALL, column: 1, tee };
  const report = (change: Partial<typeof args> = {}) => {
    return { name: "Tagged", args: { ...args, ...change } };
  };
  assert.equal(await stateAfter(tagged, report()), reported);
  assert.equal(await stateAfter(reported, report()), reported);
  assert.equal(await stateAfter(declared, report()), undefined);
  assert.equal(await stateAfter(tagged, report({ tee: other })), undefined);
  assert.equal(await stateAfter(tagged, report({ miner: other })), tagged);
  assert.equal(await stateAfter(tagged, report({ column: 2 })), tagged);
});

test("orders, restorals and the end of a file mark it, except for what nobody counted on", async () => {
  const order = { name: "OrderOpened", args: { fid, segment: 0, column: 1, origin: other } };
  assert.equal(await stateAfter(claimed, order), claimed);
  assert.equal(await stateAfter(closed, order), closed);
  assert.equal(await stateAfter(reported, order), undefined);
  const elsewhere = { ...order, args: { ...order.args, segment: 1 } };
  assert.equal(await stateAfter(reported, elsewhere), reported);
  const restored = {
    name: "Restored",
    args: { fid, segment: SEGMENT_ALL, column: 1, miner: self },
  };
  assert.equal(await stateAfter(restoring, restored), undefined);
  assert.equal(await stateAfter(reported, { name: "Closed", args: { fid } }), undefined);
});

test("a piece of a closed file stays while another territory may still declare it", async () => {
  const { ledger } = context;
  const path = { segmentIndex: 0, column: 1, segmentPath: [], filePath: [] };
  const place = { fid, segment: 0, column: 1, fragmentId: fid };
  const file = { fileSizeBytes: 9, profileId: 0, path, sinceBlock: 1 };
  const base: Piece = { ...UNTAGGED, ...UNPROMISED, ...place, ...file, state: declared };
  const first = { expiryBlock: 20, territory };
  const second = { expiryBlock: 10, territory: elsewhere };
  const both = promiseMore(first, second, 7);
  const cases = [
    [first, 7, closed],
    [promiseMore(first, { ...first, expiryBlock: 30 }, 7), 7, closed],
    [both, 7, claimed],
    [both, 21, closed],
    [promiseMore(second, first, 11), 12, closed],
  ] as const;
  const read = async () => {
    throw new ChainError({ code: "MODULE_REFUSED", moduleCode: "NOT_FOUND", reason: "" });
  };
  const chain = { ...context.chain, read } as unknown as ChainSender;
  for (const [promise, height, expected] of cases) {
    await ledger.change(() => {
      ledger.putPiece({ ...base, ...promise });
      ledger.putFollowedHeight(height);
    });
    await reconcileFile({ ...context, chain }, fid);
    assert.equal(ledger.piece(base)?.state, expected);
  }
});

test("what an audit took from us stays until another holds it", async () => {
  const { ledger } = context;
  const path = { segmentIndex: 0, column: 1, segmentPath: [], filePath: [] };
  const place = { fid, segment: 0, column: 1, fragmentId: fid };
  const file = { fileSizeBytes: 9, profileId: 0, path, sinceBlock: 1 };
  const piece: Piece = { ...UNTAGGED, ...UNPROMISED, ...place, ...file, state: reported };
  const holdings = [other, ZERO_ADDRESS].map((miner) => ({ miner, tee, sinceBlock: 1n }));
  let openOrder: object | undefined = { origin: self, claimant: ZERO_ADDRESS };
  const read = async (_module: string, name: string) => {
    if (name === "fileOf") return { fid, holdings, overrides: [] };
    if (openOrder !== undefined) return openOrder;
    throw new ChainError({ code: "MODULE_REFUSED", moduleCode: "NOT_FOUND", reason: "" });
  };
  const chain = { ...context.chain, read } as unknown as ChainSender;
  const reconciled = async () => {
    await reconcileFile({ ...context, chain }, fid);
    return ledger.piece(piece)?.state;
  };
  await ledger.change(() => ledger.putPiece(piece));
  assert.equal(await reconciled(), released);
  assert.equal(await reconciled(), released);
  openOrder = undefined;
  assert.equal(await reconciled(), closed);
  // What is damaged is of no use to anyone.
  openOrder = { origin: self, claimant: ZERO_ADDRESS };
  await ledger.change(() => ledger.putPiece({ ...piece, state: lost }));
  assert.equal(await reconciled(), closed);
});

test("events make a look at challenges and orders due", async () => {
  const { challenges, orders, ledger } = context;
  const looks: string[] = [];
  const look = async () => {
    await challenges.look(async () => looks.push("challenges") === 0);
    await orders.look(async () => looks.push("orders") === 0);
  };
  await look();
  looks.length = 0;
  const challenge = (miner: Hex) => {
    const event = { module: "audit", name: "ChallengeOpened", height: 8, args: { id: 1n, miner } };
    return ledger.change(() => takeIn(context, event as unknown as ChainEvent));
  };
  await challenge(other);
  await look();
  assert.deepEqual(looks, []);
  await challenge(self);
  await stateAfter(closed, {
    name: "OrderReleased",
    args: { fid, segment: 0, column: 9, claimant: other },
  });
  await look();
  assert.deepEqual(looks, ["challenges", "orders"]);
});
