/**
 * Keeps pieces in step with the chain: by what its events say, and where they do not say enough, by
 * comparing the file with its record.
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
import type { Ledger } from "./ledger.ts";
import type { NodeContext } from "./node-context.ts";
import { orderFor } from "./orders.ts";
import { isPromised, PIECE_STATE, type Piece, type PiecePlace } from "./piece.ts";

type FileEvent = Extract<ChainEvent, { readonly module: "files" }>;

const FILES_PER_ROUND = 64;
const INTERVAL_MS = 250;

/** Takes in what events say of our pieces, and marks the files of which they do not say enough. */
export function createFileFollower(context: NodeContext): Service {
  const { chain, ledger } = context;
  return createFollower(context, {
    async fromBlock() {
      const followed = ledger.followedHeight;
      return followed === undefined ? await chain.height() : followed + 1;
    },
    async onBlocks(events, { toBlock }) {
      await ledger.change(() => {
        for (const event of events) takeIn(context, event);
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
      const current = ledger.piece(piece);
      if (current?.state === piece.state) ledger.putPiece({ ...current, state, sinceBlock });
    });
  }
}

async function stateOnChain(
  context: NodeContext,
  piece: Piece,
  record: FileRecord | undefined,
): Promise<number> {
  const { claimed, declared, reported, restoring, lost, closed, released } = PIECE_STATE;
  const holder = record && holderOf(record, piece);
  if (holder?.miner === context.chain.account) {
    const isHere = context.store.info(piece.fragmentId) !== undefined;
    if (piece.state === lost || !isHere) return lost;
    if (holder.tee !== ZERO_ADDRESS) return reported;
    const isNew = piece.state === claimed || piece.state === closed || piece.state === released;
    return isNew ? declared : piece.state;
  }
  // Not declared yet, or declared without us: whoever asked for the receipt may still come back.
  if (piece.state === claimed) return claimed;
  if (piece.state === restoring && (await isOurOrder(context, piece))) return restoring;
  if (piece.state === lost || piece.state === closed) return closed;
  if (record !== undefined && (await orderFor(context.chain, piece)) !== undefined) return released;
  return isPromised(piece, context.ledger.followedHeight ?? 0) ? claimed : closed;
}

/** Whether an order for the place, or for all of its column, is claimed by this miner. */
export async function isOurOrder({ chain }: NodeContext, piece: Piece): Promise<boolean> {
  return (await orderFor(chain, piece))?.claimant === chain.account;
}

/** Within a change of the ledger. */
export function takeIn(context: NodeContext, event: ChainEvent): void {
  const { chain, ledger, challenges, orders } = context;
  if (event.module === "audit") {
    if (event.name === "ChallengeOpened" && event.args.miner === chain.account) challenges.touch();
    return;
  }
  if (event.module !== "files") return;
  if (event.name === "OrderOpened" || event.name === "OrderReleased") orders.touch();
  for (const piece of piecesTouchedBy(context, event)) {
    const state = stateAfter(context, piece, event);
    if (state === undefined) ledger.markDirty(piece.fid, event.height);
    else if (state !== piece.state) ledger.putPiece({ ...piece, state, sinceBlock: event.height });
  }
}

function piecesTouchedBy({ chain, ledger }: NodeContext, event: FileEvent): readonly Piece[] {
  const { account } = chain;
  switch (event.name) {
    case "Declared":
      return event.args.placement.includes(account) ? ledger.piecesOfFile(event.args.fid) : [];
    case "Closed":
      return ledger.piecesOfFile(event.args.fid);
    case "Tagged":
      return event.args.miner === account ? piecesAt(ledger, event.args) : [];
    case "OrderOpened":
    case "OrderReleased":
    case "Restored":
      return piecesAt(ledger, event.args);
    case "OwnerAdded":
    case "OwnerRemoved":
    case "OrderClaimed":
      return [];
  }
}

function piecesAt(ledger: Ledger, { fid, segment, column }: PiecePlace): readonly Piece[] {
  const pieces = ledger.piecesOfColumn(fid, column);
  return segment === SEGMENT_ALL ? pieces : pieces.filter((piece) => piece.segment === segment);
}

/**
 * What an event makes of a piece, if it says so by itself.
 *
 * PERF: a declaration and a report name many files, and reading the record of each would keep the
 * nodes and their RPC busier than all else.
 *
 * @returns undefined where only the record of the file says.
 */
function stateAfter(
  { chain, store }: NodeContext,
  piece: Piece,
  event: FileEvent,
): number | undefined {
  const { claimed, declared, tagged, reported, lost, closed } = PIECE_STATE;
  const { state } = piece;
  switch (event.name) {
    case "Declared": {
      if (state !== claimed) return undefined;
      if (event.args.placement[piece.column] !== chain.account) return claimed;
      return store.info(piece.fragmentId) === undefined ? lost : declared;
    }
    case "Tagged": {
      const isSame = (state === tagged || state === reported) && piece.tee === event.args.tee;
      return isSame ? reported : undefined;
    }
    case "OrderOpened":
      // Nobody holds the place now, and the chain did not count on ours.
      return state === claimed || state === closed ? state : undefined;
    default:
      return undefined;
  }
}
