/**
 * Range reads: whole leaves, with what proves that they belong to a fragment.
 *
 * @see docs/spec/fragment-api.md#4-ranges
 * @module
 */
import {
  bytes,
  type Codec,
  CodecError,
  decode,
  encode,
  list,
  struct,
  u32,
} from "@cess/codec/codec";
import { LEAF_BYTES } from "@cess/params/profile";
import { asBuffer } from "@cess/std/bytes";
import { WireError } from "./error.ts";

/** Siblings on both sides of a run, in a tree of at most 2^30 leaves. */
const HASHES_MAX = 64;

export interface RangeProof {
  readonly firstLeaf: number;
  readonly leafCount: number;
  /** Size of the whole fragment. */
  readonly totalSizeBytes: number;
  readonly hashes: readonly Uint8Array[];
}

export const rangeProofCodec: Codec<RangeProof> = struct<RangeProof>({
  firstLeaf: u32,
  leafCount: u32,
  totalSizeBytes: u32,
  hashes: list(bytes(32), HASHES_MAX),
});

export const RANGE_HEADER = "x-cess-range";
export const RANGE_PROOF_HEADER = "x-cess-range-proof";
export const PATH_HEADER = "x-cess-path";

/** Bytes [first, last] of a fragment, both inclusive as in HTTP. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Leaves of a fragment of this size. */
export function leafCountOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / LEAF_BYTES);
}

/** The smallest run of whole leaves around `range`, within a fragment of `totalSizeBytes`. */
export function roundToLeaves(range: ByteRange, totalSizeBytes: number): ByteRange {
  const first = range.first - (range.first % LEAF_BYTES);
  const end = Math.min((Math.floor(range.last / LEAF_BYTES) + 1) * LEAF_BYTES, totalSizeBytes);
  return { first, last: end - 1 };
}

/** `first-last/total`, the value of `x-cess-range`. */
export function formatRange(range: ByteRange, totalSizeBytes: number): string {
  return `${range.first}-${range.last}/${totalSizeBytes}`;
}

/** Value of a header that carries binary. */
export function encodeHeader<T>(codec: Codec<T>, value: T): string {
  return asBuffer(encode(codec, value)).toString("base64url");
}

/** @throws {@link WireError} `FRAME_MALFORMED` */
export function decodeHeader<T>(codec: Codec<T>, header: string): T {
  try {
    return decode(codec, new Uint8Array(Buffer.from(header, "base64url")));
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new WireError({ code: "FRAME_MALFORMED", reason: "a binary header" }, { cause });
  }
}
