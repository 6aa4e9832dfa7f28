/**
 * A piece is what this node keeps of a file: one fragment at its place. The same fragment may be at
 * several places, each with tags of its own.
 * @module
 */

import assert from "node:assert/strict";
import {
  bytes,
  type Codec,
  decode,
  encode,
  list,
  struct,
  u8,
  u16,
  u64,
  variableBytes,
} from "@cess/codec/codec";
import { type FileIdentity, type FragmentPath, fragmentPathCodec } from "@cess/erasure/ids";
import { profileById } from "@cess/params/profile";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { addressCodec, hashCodec } from "@cess/storage-wire/hex-codec";

/** Append-only: on disk a state is its number. */
export const PIECE_STATE = {
  /** A receipt was given; no declaration has been seen. */
  claimed: 0,
  /** Ours on chain, without tags. */
  declared: 1,
  /** Tagged; the chain does not know yet. */
  tagged: 2,
  /** Part of our audits. */
  reported: 3,
  /** Rebuilt for an order that is not completed. */
  restoring: 4,
  /** Damaged; the chain does not know yet. */
  lost: 5,
  /** Nobody needs it any more. */
  closed: 6,
  /** Taken from us by a failed audit, though it may be whole: kept until another holds the place. */
  released: 7,
} as const;

export interface PiecePlace {
  readonly fid: Hex;
  readonly segment: number;
  readonly column: number;
}

export interface Piece extends PiecePlace {
  readonly fragmentId: Hex;
  readonly fileSizeBytes: number;
  readonly profileId: number;
  readonly path: FragmentPath;
  readonly state: number;
  /** Height at which the state began. */
  readonly sinceBlock: number;
  /** Worker that made the tags, or the zero address. */
  readonly tee: Hex;
  /** Its word for it, empty without tags. */
  readonly mac: Uint8Array;
  /** Last block in which receipts that were given for it are good for a declaration. */
  readonly expiryBlock: number;
  /** The one territory that these receipts are for, or {@link SEVERAL_TERRITORIES}. */
  readonly territory: Hex;
}

interface StoredPiece {
  readonly version: number;
  readonly fragmentId: Hex;
  readonly fileSizeBytes: bigint;
  readonly profileId: number;
  readonly path: FragmentPath;
  readonly state: number;
  readonly sinceBlock: bigint;
  readonly tee: Hex;
  readonly mac: Uint8Array;
  readonly expiryBlock: bigint;
  readonly territory: Hex;
}

const VERSION = 2;
const storedPieceCodec: Codec<StoredPiece> = struct<StoredPiece>({
  version: u8,
  fragmentId: hashCodec,
  fileSizeBytes: u64,
  profileId: u8,
  path: fragmentPathCodec,
  state: u8,
  sinceBlock: u64,
  tee: addressCodec,
  mac: variableBytes(32),
  expiryBlock: u64,
  territory: hashCodec,
});

/** Column before segment: the pieces of a column are neighbours. */
const placeCodec: Codec<PiecePlace> = struct<PiecePlace>({
  fid: hashCodec,
  column: u8,
  segment: u16,
});

export const PLACE_BYTES: number = 35;

export function encodePlace({ fid, segment, column }: PiecePlace): Uint8Array {
  return encode(placeCodec, { fid, segment, column });
}

export function decodePlace(key: Uint8Array): PiecePlace {
  return decode(placeCodec, key);
}

/** Where the pieces of a column begin. */
export function columnPrefix(fid: Hex, column: number): Uint8Array {
  return concatBytes(hexToBytes(fid, 32), Uint8Array.of(column));
}

export function encodePiece(piece: Piece): Uint8Array {
  return encode(storedPieceCodec, {
    ...piece,
    version: VERSION,
    fileSizeBytes: BigInt(piece.fileSizeBytes),
    sinceBlock: BigInt(piece.sinceBlock),
    expiryBlock: BigInt(piece.expiryBlock),
  });
}

export function decodePiece(place: PiecePlace, value: Uint8Array): Piece {
  const { version, ...stored } = decode(storedPieceCodec, value);
  assert.equal(version, VERSION);
  return {
    ...place,
    ...stored,
    fileSizeBytes: Number(stored.fileSizeBytes),
    sinceBlock: Number(stored.sinceBlock),
    expiryBlock: Number(stored.expiryBlock),
  };
}

export function identityOf(
  piece: Pick<Piece, "fid" | "profileId" | "fileSizeBytes">,
): FileIdentity {
  const profile = profileById(piece.profileId);
  assert(profile !== undefined, "a piece of an unknown profile was let in");
  return { fid: hexToBytes(piece.fid, 32), profile, fileSizeBytes: piece.fileSizeBytes };
}

/** Without tags, as it is when a receipt is given or after its worker is gone. */
export const UNTAGGED: Pick<Piece, "tee" | "mac"> = { tee: ZERO_ADDRESS, mac: new Uint8Array() };

export const SEVERAL_TERRITORIES: Hex = `0x${"00".repeat(32)}`;

type Promised = Pick<Piece, "expiryBlock" | "territory">;

/** Of a piece that no receipt was given for. */
export const UNPROMISED: Promised = { expiryBlock: 0, territory: SEVERAL_TERRITORIES };

/** What is promised of a piece once a receipt more is given. */
export function promiseMore(known: Promised | undefined, more: Promised, height: number): Promised {
  if (known === undefined || known.expiryBlock < height) return more;
  const { territory } = more;
  return {
    expiryBlock: Math.max(known.expiryBlock, more.expiryBlock),
    territory: known.territory === territory ? territory : SEVERAL_TERRITORIES,
  };
}

/**
 * Whether a piece of a closed file must stay: what one territory declared and removed, another may
 * still declare. A file's only territory has used its receipts up.
 */
export function isPromised({ expiryBlock, territory }: Promised, height: number): boolean {
  return territory === SEVERAL_TERRITORIES && expiryBlock >= height;
}

export interface StoredFragment {
  readonly version: number;
  readonly sizeBytes: bigint;
  /** Who sent it: may take it back while no piece needs it. */
  readonly sender: Hex;
  /** Unix time at which it came. */
  readonly storedMs: bigint;
  readonly leafHashes: readonly Uint8Array[];
}

const LEAVES_MAX = 256;
export const storedFragmentCodec: Codec<StoredFragment> = struct<StoredFragment>({
  version: u8,
  sizeBytes: u64,
  sender: addressCodec,
  storedMs: u64,
  leafHashes: list(bytes(32), LEAVES_MAX),
});
