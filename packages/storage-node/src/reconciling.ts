/**
 * Keeps pieces in step with the chain: its events mark files, and each marked file is compared with
 * its record. So every reason for a change takes the same way.
 * @module
 */
import { createFollower } from "@cess/chain-client/follow";
import type { ChainEvent } from "@cess/chain-client/modules";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { SEGMENT_ALL } from "@cess/protocol/states";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import type { Hex } from "@cess/std/bytes";
import { type FileRecord, holderOf, readFileRecord } from "./file-record.ts";
import type { NodeContext } from "./node-context.ts";
import { readOrder } from "./orders.ts";
import { PIECE_STATE, type Piece } from "./piece.ts";

const FILES_PER_ROUND = 64;
const INTERVAL_MS = 250;

/** Marks the files that events of the chain touch. */
export function createFileFollower(context: NodeContext): Service {
  const { chain, ledger } = context;
  return createFollower(context, {
    async fromBlock() {
      const followed = ledger.followedHeight;
      return followed === undefined ? await chain.height() : followed + 1;
    },
    async onBlocks(events, { toBlock }) {
      await ledger.change(() => {
        for (const event of events) {
          const fid = fileTouchedBy(event, chain.account);
          if (fid !== undefined && ledger.hasPiecesOf(fid)) ledger.markDirty(fid, event.height);
        }
        ledger.putFollowedHeight(toBlock);
      });
    },
  });
}

/** Compares marked files with their records on chain. */
export function createReconciler(context: NodeContext): Service {
  const { ledger } = context;
  return createLoop(context, {
    name: "reconcile",
    intervalMs: INTERVAL_MS,
    async work(signal) {
      for (const { fid, height } of ledger.dirtyFiles(FILES_PER_ROUND)) {
        if (signal.aborted) return;
        await reconcileFile(context, fid);
        await ledger.change(() => ledger.clearDirty(fid, height));
      }
    },
  });
}

/** Brings the pieces of one file in step with the chain. */
export async function reconcileFile(context: NodeContext, fid: Hex): Promise<void> {
  const { chain, ledger } = context;
  const record = await readFileRecord(chain, fid);
  const sinceBlock = ledger.followedHeight ?? 0;
  for (const piece of ledger.piecesOfFile(fid)) {
    const state = await stateOnChain(context, piece, record);
    if (state === piece.state) continue;
    await ledger.change(() => {
      // Other loops may have moved it on in the meantime: then the next event decides.
      const isUnchanged = ledger.piece(piece)?.state === piece.state;
      if (isUnchanged) ledger.putPiece({ ...piece, state, sinceBlock });
    });
  }
}

async function stateOnChain(
  context: NodeContext,
  piece: Piece,
  record: FileRecord | undefined,
): Promise<number> {
  const { claimed, declared, reported, restoring, lost, closed } = PIECE_STATE;
  const holder = record && holderOf(record, piece);
  if (holder?.miner === context.chain.account) {
    const isHere = context.store.info(piece.fragmentId) !== undefined;
    if (piece.state === lost || !isHere) return lost;
    if (holder.tee !== ZERO_ADDRESS) return reported;
    return piece.state === claimed || piece.state === closed ? declared : piece.state;
  }
  // Not declared yet, or declared without us: whoever asked for the receipt may still come back.
  if (piece.state === claimed) return claimed;
  if (piece.state === restoring && (await isOurOrder(context, piece))) return restoring;
  return closed;
}

/** Whether an order for the place, or for all of its column, is claimed by this miner. */
export async function isOurOrder({ chain }: NodeContext, piece: Piece): Promise<boolean> {
  const { fid, column } = piece;
  for (const segment of [piece.segment, SEGMENT_ALL]) {
    const order = await readOrder(chain, { fid, segment, column });
    if (order?.claimant === chain.account) return true;
  }
  return false;
}

function fileTouchedBy(event: ChainEvent, account: Hex): Hex | undefined {
  if (event.module !== "files") return undefined;
  switch (event.name) {
    case "Declared":
    case "Closed":
    case "OrderOpened":
    case "OrderReleased":
    case "Restored":
      return event.args.fid;
    case "Tagged":
      return event.args.miner === account ? event.args.fid : undefined;
    case "OwnerAdded":
    case "OwnerRemoved":
    case "OrderClaimed":
      return undefined;
  }
}
