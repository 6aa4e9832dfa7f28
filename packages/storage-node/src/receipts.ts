import { signBLS } from "@cess/crypto/bls";
import { type FileIdentity, isFragmentOf } from "@cess/erasure/ids";
import {
  FILE_BYTES_MAX,
  fragmentSizeBytes,
  segmentCount,
  segmentSizeBytes,
} from "@cess/erasure/layout";
import { columnCount, profileById } from "@cess/params/profile";
import { receiptMessage, ZERO_ADDRESS } from "@cess/protocol/messages";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { ApiError } from "@cess/storage-wire/api-error";
import type { PlacedFragment, ReceiptRequest } from "@cess/storage-wire/receipt-request";
import type { ExpectedFragment, FragmentStore } from "./fragment-store.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeMetrics } from "./metrics.ts";
import { PIECE_STATE, type Piece, promiseMore, UNTAGGED } from "./piece.ts";

export interface ReceiptDeps {
  readonly store: FragmentStore;
  readonly ledger: Ledger;
  readonly counts: Pick<NodeMetrics, "receipts">;
  readonly chainId: number;
  readonly account: Hex;
  readonly blsSecretKey: Uint8Array;
  /** Last block that this node has seen. */
  readonly height: () => number;
  /** How long this node keeps what it signed for, at most. */
  readonly unclaimedBlocks: number;
}

/**
 * Signs that this node holds a column, after making sure that it does and will.
 *
 * @throws ApiError `PLACEMENT_INVALID`, `EXPIRY_INVALID`, `FILE_INVALID`, `PATH_INVALID`,
 *   `FRAGMENT_NOT_FOUND`.
 */
export async function signReceipt(deps: ReceiptDeps, asked: ReceiptRequest): Promise<Uint8Array> {
  const identity = checkRequest(deps, asked);
  const isRenewal = asked.fragments.length === 0;
  const request = isRenewal ? { ...asked, fragments: heldFragments(deps, asked) } : asked;
  if (!isRenewal) checkPaths(identity, request);
  checkPresence(deps, identity, request);
  await deps.ledger.change(() => recordClaim(deps, request));
  return await signDurably(deps, request);
}

/**
 * The same for a column of one fragment that comes with the request.
 *
 * @param write - Takes in the fragment that it is given, and no other.
 * @throws ApiError as {@link signReceipt}; what `write` throws.
 */
export async function signColumn(
  deps: ReceiptDeps,
  request: ReceiptRequest,
  write: (expected: ExpectedFragment) => Promise<unknown>,
): Promise<Uint8Array> {
  const identity = checkRequest(deps, request);
  checkPaths(identity, request);
  const [fragment, ...others] = request.fragments;
  if (fragment === undefined || others.length > 0) {
    throw new ApiError("FILE_INVALID", "a column of one segment");
  }
  const { profile, fileSizeBytes } = identity;
  const sizeBytes = fragmentSizeBytes(profile, segmentSizeBytes(fileSizeBytes, 0));
  const recordPieces = () => recordClaim(deps, request);
  await write({ id: fragment.fragmentId, sizeBytes, recordPieces });
  return await signDurably(deps, request);
}

/** Signs for what was recorded, once it would outlive a loss of power. */
async function signDurably(deps: ReceiptDeps, request: ReceiptRequest): Promise<Uint8Array> {
  const { store, ledger } = deps;
  const ids = request.fragments.map((fragment) => fragment.fragmentId);
  await store.syncFiles(ids);
  await ledger.flush();
  // A fragment may have been dropped while it was synced: then nothing may be promised.
  for (const id of ids) {
    if (store.info(id) === undefined) {
      throw new ApiError("FRAGMENT_NOT_FOUND", `${id} is not here any more`);
    }
  }
  const { chainId } = deps;
  const message = receiptMessage({ ...request, chainId, sizeBytes: Number(request.sizeBytes) });
  deps.counts.receipts.inc();
  return signBLS(message, deps.blsSecretKey);
}

/** What can be said of a request without looking at any fragment. */
function checkRequest(deps: ReceiptDeps, request: ReceiptRequest): FileIdentity {
  const { account } = deps;
  const { placement, column } = request;
  const profile = profileById(request.profileId);
  if (profile === undefined) throw new ApiError("FILE_INVALID", "an unknown profile");
  if (request.sizeBytes < 1n || request.sizeBytes > BigInt(FILE_BYTES_MAX)) {
    throw new ApiError("FILE_INVALID", "no file has this size");
  }
  const named = placement.filter((miner) => miner !== ZERO_ADDRESS);
  const isPlacement =
    placement.length === columnCount(profile) && new Set(named).size === named.length;
  if (!isPlacement || placement[column] !== account) {
    throw new ApiError("PLACEMENT_INVALID", `column ${column} is not placed on ${account}`);
  }
  const fileSizeBytes = Number(request.sizeBytes);
  const fragmentCount = request.fragments.length;
  if (fragmentCount > 0 && fragmentCount !== segmentCount(fileSizeBytes)) {
    throw new ApiError("FILE_INVALID", "not one fragment for each segment");
  }
  checkExpiry(deps, request);
  return { fid: hexToBytes(request.fid, 32), profile, fileSizeBytes };
}

function checkExpiry({ height, unclaimedBlocks }: ReceiptDeps, request: ReceiptRequest): void {
  const [first, last] = [height(), height() + unclaimedBlocks];
  if (request.expiryBlock < BigInt(first) || request.expiryBlock > BigInt(last)) {
    throw new ApiError("EXPIRY_INVALID", `receipts expire in blocks ${first} to ${last}`);
  }
}

/** All fragments of a column, whose paths were checked when they came here. */
function heldFragments(
  { ledger }: ReceiptDeps,
  { fid, column, profileId, sizeBytes }: ReceiptRequest,
): readonly PlacedFragment[] {
  const held = ledger.piecesOfColumn(fid, column).filter((piece) => {
    const isSameFile = piece.profileId === profileId && BigInt(piece.fileSizeBytes) === sizeBytes;
    return isSameFile && piece.state < PIECE_STATE.lost;
  });
  if (held.length !== segmentCount(Number(sizeBytes))) {
    throw new ApiError("FRAGMENT_NOT_FOUND", "not all of the column is held here");
  }
  return held.map(({ fragmentId, path }) => ({ fragmentId, path }));
}

function checkPaths(identity: FileIdentity, { fragments, column }: ReceiptRequest): void {
  for (const [segment, { fragmentId, path }] of fragments.entries()) {
    const isHere = path.segmentIndex === segment && path.column === column;
    if (!isHere || !isFragmentOf(identity, hexToBytes(fragmentId, 32), path)) {
      throw new ApiError("PATH_INVALID", `the path of segment ${segment} leads elsewhere`);
    }
  }
}

function checkPresence(
  { store }: ReceiptDeps,
  { profile, fileSizeBytes }: FileIdentity,
  { fragments }: ReceiptRequest,
): void {
  for (const [segment, { fragmentId }] of fragments.entries()) {
    const stored = store.info(fragmentId);
    if (stored === undefined) throw new ApiError("FRAGMENT_NOT_FOUND", `${fragmentId} is not here`);
    const size = fragmentSizeBytes(profile, segmentSizeBytes(fileSizeBytes, segment));
    if (Number(stored.sizeBytes) !== size) {
      throw new ApiError("PATH_INVALID", `fragment ${segment} is not of ${size} bytes`);
    }
  }
}

/** Within a change of the ledger. */
function recordClaim(deps: ReceiptDeps, request: ReceiptRequest): void {
  const { ledger } = deps;
  const { fid, column, profileId, territory } = request;
  const height = deps.height();
  const promised = { expiryBlock: Number(request.expiryBlock), territory };
  for (const { fragmentId, path } of request.fragments) {
    const known = ledger.piece({ fid, column, segment: path.segmentIndex });
    const isKept = known !== undefined && known.state < PIECE_STATE.lost;
    const promise = promiseMore(known, promised, height);
    if (isKept && known.state !== PIECE_STATE.claimed) {
      ledger.putPiece({ ...known, ...promise });
      continue;
    }
    const piece: Piece = {
      ...UNTAGGED,
      ...promise,
      fid,
      column,
      segment: path.segmentIndex,
      fragmentId,
      path,
      profileId,
      fileSizeBytes: Number(request.sizeBytes),
      state: PIECE_STATE.claimed,
      sinceBlock: height,
    };
    ledger.putPiece(piece);
  }
}
