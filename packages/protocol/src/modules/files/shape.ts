import {
  FILE_BYTES_MAX,
  fragmentBlockCount,
  fragmentSizeBytes,
  segmentCount,
  segmentSizeBytes,
} from "@cess/erasure/layout";
import { columnCount, type Profile, profileById, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { ModuleError, require } from "../../error.ts";

/** Bytes of fragments, and the blocks that audits draw from. */
export interface Extent {
  readonly sizeBytes: number;
  readonly blockCount: number;
}

/** What size and profile of a file say of its fragments: in every column they are alike. */
export interface Shape {
  readonly profile: Profile;
  readonly columnCount: number;
  readonly segmentCount: number;
  /** Of a fragment of every segment but the last. */
  readonly full: Extent;
  readonly last: Extent;
}

/** Refuses sizes and profiles that no file has. */
export function requireShape(sizeBytes: bigint, profileId: number): Shape {
  const fits = sizeBytes >= 1n && sizeBytes <= BigInt(FILE_BYTES_MAX);
  require(fits, "ARGUMENT_INVALID", `a file has 1 to ${FILE_BYTES_MAX} bytes`);
  return shapeOf(Number(sizeBytes), profileId);
}

export function shapeOf(sizeBytes: number, profileId: number): Shape {
  const profile = profileById(profileId);
  if (profile === undefined) throw new ModuleError("ARGUMENT_INVALID", "no such profile");
  const count = segmentCount(sizeBytes);
  return {
    profile,
    columnCount: columnCount(profile),
    segmentCount: count,
    full: extentOf(profile, SEGMENT_BYTES_MAX),
    last: extentOf(profile, segmentSizeBytes(sizeBytes, count - 1)),
  };
}

/** One fragment. */
export function fragmentExtent(shape: Shape, segment: number): Extent {
  return segment === shape.segmentCount - 1 ? shape.last : shape.full;
}

/** A column without some of its segments, each named once. */
export function columnExtent(shape: Shape, without: readonly number[]): Extent {
  const { segmentCount: count, full, last } = shape;
  let sizeBytes = (count - 1) * full.sizeBytes + last.sizeBytes;
  let blockCount = (count - 1) * full.blockCount + last.blockCount;
  for (const segment of without) {
    const extent = fragmentExtent(shape, segment);
    sizeBytes -= extent.sizeBytes;
    blockCount -= extent.blockCount;
  }
  return { sizeBytes, blockCount };
}

/**
 * Segment and block at a position among the blocks of a column without some segments.
 *
 * @param without - Ascending.
 */
export function blockAt(
  shape: Shape,
  without: readonly number[],
  position: number,
): { readonly segment: number; readonly blockIndex: number } {
  const rank = Math.floor(position / shape.full.blockCount);
  // Only the last segment is shorter, so the rank counts whole segments of equal length.
  const remaining = shape.segmentCount - without.length;
  let segment = Math.min(rank, remaining - 1);
  const blockIndex = position - segment * shape.full.blockCount;
  for (const gone of without) if (gone <= segment) segment += 1;
  return { segment, blockIndex };
}

function extentOf(profile: Profile, segmentBytes: number): Extent {
  const sizeBytes = fragmentSizeBytes(profile, segmentBytes);
  return { sizeBytes, blockCount: fragmentBlockCount(sizeBytes) };
}
