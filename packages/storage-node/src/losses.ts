import { isRefusal } from "@cess/chain-client/error";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { readFileRecord } from "./file-record.ts";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE, type Piece } from "./piece.ts";

const PIECES_PER_ROUND = 256;
const INTERVAL_MS = 500;

/** Tells the chain of lost pieces, so that others restore them before more is lost. */
export function createLossReporter(context: NodeContext): Service {
  const { ledger } = context;
  return createLoop(context, {
    name: "report-losses",
    intervalMs: INTERVAL_MS,
    async work(signal) {
      for (const piece of ledger.piecesIn(PIECE_STATE.lost, PIECES_PER_ROUND)) {
        if (signal.aborted) return;
        if (!(await isSettled(context, piece))) continue;
        await ledger.change(() => ledger.putPiece({ ...piece, state: PIECE_STATE.closed }));
      }
    },
  });
}

/** True once the chain knows of the loss, or never counted on the piece. */
async function isSettled(context: NodeContext, piece: Piece): Promise<boolean> {
  const { chain, log, ledger, spec } = context;
  const { fid, segment, column, fragmentId } = piece;
  try {
    await chain.send("files", "reportLost", [fid, segment, column]);
    log.error("fragment lost", { fid, segment, column, fragmentId });
    return true;
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    // A receipt was given: the declaration that makes it count may still be on its way.
    const endBlock = Math.max(piece.sinceBlock + spec.unclaimedBlocks, piece.expiryBlock);
    const isExpired = endBlock < (ledger.followedHeight ?? 0);
    return isExpired || (await readFileRecord(chain, fid)) !== undefined;
  }
}
