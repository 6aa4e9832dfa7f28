import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MemoryChain } from "@cess/chain-client/testing/memory-chain";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { FragmentFiles } from "./fragment-files.ts";
import { FragmentStore } from "./fragment-store.ts";
import { Ledger } from "./ledger.ts";
import { createNodeMetrics } from "./metrics.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece, UNPROMISED, UNTAGGED } from "./piece.ts";
import { closeForgottenClaims, dropClosedPieces, dropUnclaimedFragments } from "./sweeping.ts";
import { testKey, testSpec } from "./testing/test-bed.ts";

const HOUR_MS = 3_600_000;
const sender: Hex = `0x${"11".repeat(20)}`;
let folder: string;
let context: NodeContext;
let aheadMs = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cess-sweeping-"));
  const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs };
  const [files, ledger] = [new FragmentFiles(folder), new Ledger(join(folder, "index"))];
  const counts = createNodeMetrics(createPrometheusMetrics());
  const limits = { capacityBytes: MIB, reserveBytes: 0 };
  const store = new FragmentStore({ files, ledger, clock, counts }, limits);
  await store.open();
  const chain = new MemoryChain(testSpec.chainId).senderOf(testKey(1));
  context = { files, ledger, store, clock, chain, spec: testSpec } as unknown as NodeContext;
});

after(async () => {
  await context.ledger.close();
  await rm(folder, { recursive: true });
});

async function storeFragment(sizeBytes = 1000): Promise<Hex> {
  const body = (async function* () {
    yield systemRandom.bytes(sizeBytes);
  })();
  return (await context.store.write(body, { sender, sizeBytesMax: sizeBytes })).id;
}

async function claim(fragmentId: Hex, expiryBlock: number): Promise<Piece> {
  const path = { segmentIndex: 0, column: 0, segmentPath: [], filePath: [] };
  const file = { fid: fragmentId, segment: 0, column: 0, fileSizeBytes: 9, profileId: 0, path };
  const claimed = { state: PIECE_STATE.claimed, sinceBlock: 0, expiryBlock };
  const piece = { ...UNTAGGED, ...UNPROMISED, ...file, ...claimed, fragmentId };
  await context.ledger.change(() => context.ledger.putPiece(piece));
  return piece;
}

/** Whether there is a record of a fragment and, in one of the two places, its bytes. */
function isStored(id: Hex): boolean {
  const isFile = existsSync(context.files.fragmentPath(id));
  const isInLedger = context.ledger.bytesOf(id) !== undefined;
  assert(!(isFile && isInLedger));
  assert.equal(isFile || isInLedger, context.store.info(id) !== undefined);
  return isFile || isInLedger;
}

test("a fragment that no receipt was given for goes after an hour, another stays", async () => {
  const [idle, large] = [await storeFragment(), await storeFragment(100_000)];
  const claimed = await storeFragment();
  await claim(claimed, 0);
  aheadMs = HOUR_MS - 1000;
  await dropUnclaimedFragments(context, undefined);
  assert(isStored(idle) && isStored(large));
  aheadMs = HOUR_MS + 1000;
  await dropUnclaimedFragments(context, undefined);
  assert(!isStored(idle) && !isStored(large) && isStored(claimed));
});

test("a claim goes when its receipts expired undeclared, a little later, and its fragment with it", async () => {
  const { ledger } = context;
  const id = await storeFragment();
  const piece = await claim(id, 100);
  await ledger.change(() => ledger.putFollowedHeight(108));
  await closeForgottenClaims(context, undefined);
  assert.equal(ledger.piece(piece)?.state, PIECE_STATE.claimed);
  await ledger.change(() => ledger.putFollowedHeight(109));
  await closeForgottenClaims(context, undefined);
  assert.equal(ledger.piece(piece)?.state, PIECE_STATE.closed);
  await dropClosedPieces(context);
  assert(ledger.piece(piece) === undefined && !isStored(id));
});

test("a fragment at two places stays until both are closed", async () => {
  const { ledger } = context;
  const id = await storeFragment();
  const first = await claim(id, 0);
  const second = { ...first, column: 3 };
  await ledger.change(() => {
    ledger.putPiece(second);
    ledger.putPiece({ ...first, state: PIECE_STATE.closed });
  });
  await dropClosedPieces(context);
  assert(isStored(id));
  await ledger.change(() => ledger.putPiece({ ...second, state: PIECE_STATE.closed }));
  await dropClosedPieces(context);
  assert(!isStored(id));
});
