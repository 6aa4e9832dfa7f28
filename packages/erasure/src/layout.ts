/**
 * Which byte of a file lies where.
 *
 * @see docs/spec/data-layout.md §2
 * @module
 */
import { BLOCK_BYTES } from "@cess/params/podr2";
import {
  FILE_SEGMENTS_MAX,
  LEAF_BYTES,
  type Profile,
  SEGMENT_BYTES_MAX,
} from "@cess/params/profile";
import { ErasureError } from "./error.ts";

/** Unit in which full stripes are dealt to the columns: one leaf of a fragment. */
export const UNIT_BYTES: number = LEAF_BYTES;
export const FILE_BYTES_MAX: number = FILE_SEGMENTS_MAX * SEGMENT_BYTES_MAX;

/** How a segment is dealt to its data columns. */
export interface SegmentLayout {
  readonly sizeBytes: number;
  /** Full stripes: each gives every data column one unit. */
  readonly fullStripes: number;
  /** What the tail gives every column, zero-filled: 0 if there is no tail. */
  readonly tailUnitBytes: number;
  /** Full stripes, and the tail if there is one. */
  readonly stripeCount: number;
  /** Length of each of the fragments, data and parity. */
  readonly fragmentSizeBytes: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Stripes [first, first + count) of a segment. */
export interface StripeRange {
  readonly first: number;
  readonly count: number;
}

/** A piece of a segment as it lies in one data fragment. */
export interface ColumnRead {
  readonly column: number;
  readonly fragmentOffset: number;
  readonly segmentOffset: number;
  readonly length: number;
}

/** @throws {@link ErasureError} `FILE_SIZE_INVALID` unless 1 ≤ size ≤ {@link FILE_BYTES_MAX}. */
export function segmentCount(fileSizeBytes: number): number {
  if (!isCount(fileSizeBytes, 1, FILE_BYTES_MAX)) {
    const sizeBytesMax = FILE_BYTES_MAX;
    throw new ErasureError({ code: "FILE_SIZE_INVALID", sizeBytes: fileSizeBytes, sizeBytesMax });
  }
  return Math.ceil(fileSizeBytes / SEGMENT_BYTES_MAX);
}

/**
 * Bytes of one segment of a file: all but the last are full.
 *
 * @throws {@link ErasureError} `FILE_SIZE_INVALID`, `SEGMENT_INVALID`.
 */
export function segmentSizeBytes(fileSizeBytes: number, index: number): number {
  const count = segmentCount(fileSizeBytes);
  if (!isCount(index, 0, count - 1)) {
    throw new ErasureError({ code: "SEGMENT_INVALID", index, count });
  }
  return Math.min(SEGMENT_BYTES_MAX, fileSizeBytes - index * SEGMENT_BYTES_MAX);
}

/** @throws {@link ErasureError} `SEGMENT_SIZE_INVALID` unless 1 ≤ size ≤ SEGMENT_BYTES_MAX. */
export function segmentLayout(profile: Profile, sizeBytes: number): SegmentLayout {
  if (!isCount(sizeBytes, 1, SEGMENT_BYTES_MAX)) {
    throw new ErasureError({ code: "SEGMENT_SIZE_INVALID", sizeBytes });
  }
  const stripeBytes = profile.dataCount * UNIT_BYTES;
  const fullStripes = Math.floor(sizeBytes / stripeBytes);
  const tailUnitBytes = Math.ceil((sizeBytes - fullStripes * stripeBytes) / profile.dataCount);
  return {
    sizeBytes,
    fullStripes,
    tailUnitBytes,
    stripeCount: fullStripes + (tailUnitBytes > 0 ? 1 : 0),
    fragmentSizeBytes: fullStripes * UNIT_BYTES + tailUnitBytes,
  };
}

/** The stripes that hold bytes of a segment. An empty range needs none. */
export function rangeToStripes(
  { dataCount }: Profile,
  layout: SegmentLayout,
  range: ByteRange,
): StripeRange {
  checkRange(range, layout.sizeBytes);
  const stripeBytes = dataCount * UNIT_BYTES;
  const first = Math.floor(range.offset / stripeBytes);
  if (range.length === 0) return { first, count: 0 };
  const end = Math.ceil((range.offset + range.length) / stripeBytes);
  return { first, count: end - first };
}

/**
 * Where the shards of some stripes lie, in every fragment alike.
 *
 * @throws {@link ErasureError} `RANGE_INVALID` unless the segment has these stripes.
 */
export function stripesToFragmentRange(
  { stripeCount, fragmentSizeBytes: sizeBytes }: SegmentLayout,
  { first, count }: StripeRange,
): ByteRange {
  if (!isCount(first, 0, stripeCount) || !isCount(count, 0, stripeCount - first)) {
    throw new ErasureError({ code: "RANGE_INVALID", offset: first, length: count });
  }
  const offset = Math.min(first * UNIT_BYTES, sizeBytes);
  return { offset, length: Math.min((first + count) * UNIT_BYTES, sizeBytes) - offset };
}

/** @throws {@link ErasureError} `SEGMENT_SIZE_INVALID`. */
export function fragmentSizeBytes(profile: Profile, sizeBytes: number): number {
  return segmentLayout(profile, sizeBytes).fragmentSizeBytes;
}

/** PoDR² blocks of a fragment; the last may be filled up with zeros. */
export function fragmentBlockCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES);
}

/**
 * PoDR² blocks of one column over all segments of a file.
 *
 * @throws {@link ErasureError} `FILE_SIZE_INVALID`.
 */
export function columnBlockCount(profile: Profile, fileSizeBytes: number): number {
  const last = segmentCount(fileSizeBytes) - 1;
  const lastBytes = segmentSizeBytes(fileSizeBytes, last);
  const blocks = (sizeBytes: number) => fragmentBlockCount(fragmentSizeBytes(profile, sizeBytes));
  return last * blocks(SEGMENT_BYTES_MAX) + blocks(lastBytes);
}

/**
 * The reads that together give bytes of a segment, in their order, each within one unit.
 *
 * @throws {@link ErasureError} `SEGMENT_SIZE_INVALID`, and `RANGE_INVALID` unless the range lies
 *   within the segment.
 */
export function rangeToReads(profile: Profile, sizeBytes: number, range: ByteRange): ColumnRead[] {
  const layout = segmentLayout(profile, sizeBytes);
  checkRange(range, sizeBytes);
  const reads: ColumnRead[] = [];
  const end = range.offset + range.length;
  for (let segmentOffset = range.offset; segmentOffset < end; ) {
    const place = placeOf(profile, layout, segmentOffset);
    const piece = Math.min(place.unitRemainder, end - segmentOffset);
    const { column, fragmentOffset } = place;
    reads.push({ column, fragmentOffset, segmentOffset, length: piece });
    segmentOffset += piece;
  }
  return reads;
}

/** Where one byte of a segment lies, and how many bytes of its unit begin there. */
function placeOf(
  { dataCount }: Profile,
  { fullStripes, tailUnitBytes }: SegmentLayout,
  segmentOffset: number,
): { column: number; fragmentOffset: number; unitRemainder: number } {
  const stripe = Math.min(Math.floor(segmentOffset / (dataCount * UNIT_BYTES)), fullStripes);
  const unitBytes = stripe < fullStripes ? UNIT_BYTES : tailUnitBytes;
  const within = segmentOffset - stripe * dataCount * UNIT_BYTES;
  return {
    column: Math.floor(within / unitBytes),
    fragmentOffset: stripe * UNIT_BYTES + (within % unitBytes),
    unitRemainder: unitBytes - (within % unitBytes),
  };
}

function checkRange({ offset, length }: ByteRange, sizeBytes: number): void {
  if (!isCount(offset, 0, sizeBytes) || !isCount(length, 0, sizeBytes - offset)) {
    throw new ErasureError({ code: "RANGE_INVALID", offset, length });
  }
}

function isCount(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
