import { isRefusal } from "@cess/chain-client/error";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import type { NodeContext } from "./node-context.ts";
import { PIECE_STATE } from "./piece.ts";

const PIECES_PER_ROUND = 16;
const INTERVAL_MS = 500;

/** Tells the chain of lost pieces, so that others restore them before more is lost. */
export function createLossReporter({ ledger, chain, log, clock }: NodeContext): Service {
  return createLoop(
    { clock, log },
    {
      name: "report-losses",
      intervalMs: INTERVAL_MS,
      async work(signal) {
        for (const piece of ledger.piecesIn(PIECE_STATE.lost, PIECES_PER_ROUND)) {
          if (signal.aborted) return;
          const { fid, segment, column } = piece;
          log.error("fragment lost", { fid, segment, column, fragmentId: piece.fragmentId });
          try {
            await chain.send("files", "reportLost", [fid, segment, column]);
          } catch (cause) {
            // Refused means that the chain does not count on it any more.
            if (!isRefusal(cause)) throw cause;
            log.debug("loss refused", { fid, segment, column, cause });
          }
          await ledger.change(() => ledger.putPiece({ ...piece, state: PIECE_STATE.closed }));
        }
      },
    },
  );
}
