import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import type { ReportRequest } from "@cess/storage-wire/tag-request";
import { StorageNodeError } from "./error.ts";
import { Ledger } from "./ledger.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece, UNPROMISED, UNTAGGED } from "./piece.ts";
import { createReportingLoop } from "./reporting.ts";
import { eventually, testSpec } from "./testing/test-bed.ts";

const AWAY: Hex = `0x${"01".repeat(20)}`;
const PRESENT: Hex = `0x${"02".repeat(20)}`;

function createPiece(index: number, tee: Hex): Piece {
  return {
    ...UNTAGGED,
    ...UNPROMISED,
    fid: `0x${index.toString(16).padStart(64, "0")}`,
    segment: 0,
    column: 0,
    fragmentId: `0x${"0f".repeat(32)}`,
    fileSizeBytes: 10,
    profileId: 0,
    path: { segmentIndex: 0, column: 0, segmentPath: [], filePath: [] },
    state: PIECE_STATE.tagged,
    sinceBlock: 1,
    tee,
    mac: new Uint8Array(32),
  };
}

test("tags are reported in transactions that the chain takes, whichever worker is away", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cess-reporting-"));
  const ledger = new Ledger(folder);
  const sizes: number[] = [];
  const context = {
    ledger,
    clock: systemClock,
    log: silentLogger,
    spec: testSpec,
    directory: { workerOf: (account: Hex) => ({ account, isActive: true }) },
    chain: {
      account: `0x${"03".repeat(20)}`,
      height: async () => 1,
      send: async (_module: string, _name: string, [report]: [ReportRequest]) => {
        sizes.push(report.items.length);
      },
    },
    tee: {
      async report({ account: worker }: { account: Hex }) {
        if (worker === PRESENT) return new Uint8Array(65);
        throw new StorageNodeError({ code: "WORKER_FAILED", worker, reason: "did not answer" });
      },
    },
  };
  // Those of the worker that is away come first.
  const pieces = Array.from({ length: 300 }, (_, index) => {
    return createPiece(index, index < 10 ? AWAY : PRESENT);
  });
  await ledger.change(() => {
    for (const piece of pieces) ledger.putPiece(piece);
  });
  const loop = createReportingLoop(context as unknown as NodeContext);
  await loop.start();
  try {
    await eventually(() => ledger.piecesIn(PIECE_STATE.reported, 400).length === 290);
    assert.deepEqual(sizes, [128, 128, 34]);
    assert.equal(ledger.piecesIn(PIECE_STATE.tagged, 400).length, 10, "they wait for their worker");
  } finally {
    await loop.stop();
    await ledger.close();
    await rm(folder, { recursive: true });
  }
});
