/**
 * Drops what nobody needs: fragments that no receipt was given for, claims that no declaration
 * followed, pieces of closed files.
 * @module
 */
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { readFileRecord } from "./file-record.ts";
import type { NodeContext } from "./node-context.ts";
import { encodePlace, PIECE_STATE, type Piece } from "./piece.ts";

/** What is swept up has waited for minutes to hours: there is no hurry. */
const INTERVAL_MS = 30_000;
const ENTRIES_PER_ROUND = 1024;
const FRAGMENT_GRACE_MS = 60 * 60 * 1000;
/** Beyond the last block that a receipt is good for. */
const CLAIM_GRACE_BLOCKS = 8;

export function createSweeper(context: NodeContext): Service {
  let lastClaim: Piece | undefined;
  let lastFragment: Hex | undefined;
  return createLoop(context, {
    name: "sweep",
    intervalMs: INTERVAL_MS,
    async work() {
      lastClaim = await closeForgottenClaims(context, lastClaim);
      await dropClosedPieces(context);
      lastFragment = await dropUnclaimedFragments(context, lastFragment);
    },
  });
}

/**
 * A claim whose receipts expired and that is not on chain will not be declared any more.
 *
 * @returns where to go on in the next round; undefined to begin anew.
 */
export async function closeForgottenClaims(
  context: NodeContext,
  after: Piece | undefined,
): Promise<Piece | undefined> {
  const { ledger, chain } = context;
  const now = ledger.followedHeight ?? 0;
  const claimed = ledger.piecesIn(PIECE_STATE.claimed, ENTRIES_PER_ROUND, after);
  const old = claimed.filter((piece) => piece.expiryBlock + CLAIM_GRACE_BLOCKS < now);
  for (const piece of old) {
    const record = await readFileRecord(chain, piece.fid);
    const isOurs = record?.holdings[piece.column]?.miner === chain.account;
    const state = isOurs ? PIECE_STATE.declared : PIECE_STATE.closed;
    await ledger.change(() => {
      // Receipts may have been given anew in the meantime.
      const current = ledger.piece(piece);
      const isSame = current?.state === piece.state && current.expiryBlock === piece.expiryBlock;
      if (isSame) ledger.putPiece({ ...current, state });
    });
  }
  return claimed.length < ENTRIES_PER_ROUND ? undefined : claimed.at(-1);
}

/** What an open challenge samples stays until it is answered. */
export async function dropClosedPieces(context: NodeContext): Promise<void> {
  const { ledger, store, files } = context;
  const closed = ledger.piecesIn(PIECE_STATE.closed, ENTRIES_PER_ROUND);
  if (closed.length === 0) return;
  const sampled = await sampledPlaces(context);
  for (const piece of closed) {
    if (sampled.has(placeKey(piece))) continue;
    // A restoral may have taken the place again.
    let isDropped = false;
    await ledger.change(() => {
      isDropped = ledger.piece(piece)?.state === PIECE_STATE.closed;
      if (isDropped) ledger.dropPiece(piece);
    });
    if (!isDropped) continue;
    await files.removeTags(piece);
    await store.remove(piece.fragmentId);
  }
}

/** @returns where to go on in the next round; undefined to begin anew. */
export async function dropUnclaimedFragments(
  { ledger, store, clock }: NodeContext,
  after: Hex | undefined,
): Promise<Hex | undefined> {
  const fragments = ledger.fragmentsAfter(after, ENTRIES_PER_ROUND);
  const oldMs = BigInt(Math.floor(clock.wallMs() - FRAGMENT_GRACE_MS));
  for (const [id, { storedMs }] of fragments) {
    if (storedMs < oldMs) await store.remove(id);
  }
  return fragments.length < ENTRIES_PER_ROUND ? undefined : fragments.at(-1)?.[0];
}

async function sampledPlaces({ chain }: NodeContext): Promise<ReadonlySet<string>> {
  const places = new Set<string>();
  for (const id of await chain.read("audit", "openChallengeOf", [chain.account])) {
    for (const sample of await chain.read("audit", "samplesOf", [id])) places.add(placeKey(sample));
  }
  return places;
}

function placeKey(place: Pick<Piece, "fid" | "segment" | "column">): string {
  return bytesToHex(encodePlace(place));
}
