import { ErasureError } from "./error.ts";
import {
  rangeToReads,
  type StripeRange,
  segmentLayout,
  stripesToFragmentRange,
  UNIT_BYTES,
} from "./layout.ts";
import type { ErasureCode } from "./reed-solomon.ts";

/**
 * Bytes of a segment that lie in `stripes`, from the shards of any k columns.
 *
 * @param sizeBytes - Of the whole segment.
 * @param shards - By column, what `stripesToFragmentRange` says of each fragment.
 * @throws {@link ErasureError} `SEGMENT_SIZE_INVALID`, `RANGE_INVALID`, `SHARD_SIZE_INVALID`,
 *   `SHARDS_TOO_FEW`, `COLUMN_INVALID`.
 */
export function decodeStripes(
  code: ErasureCode,
  { sizeBytes, stripes }: { readonly sizeBytes: number; readonly stripes: StripeRange },
  shards: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  const { profile } = code;
  const fragmentRange = stripesToFragmentRange(segmentLayout(profile, sizeBytes), stripes);
  for (const { length } of shards.values()) {
    if (length !== fragmentRange.length) {
      const needBytes = fragmentRange.length;
      throw new ErasureError({ code: "SHARD_SIZE_INVALID", sizeBytes: length, needBytes });
    }
  }
  const dataColumns = Array.from({ length: profile.dataCount }, (_, column) => column);
  const data = code.rebuild(shards, dataColumns);
  const stripeBytes = profile.dataCount * UNIT_BYTES;
  const offset = Math.min(stripes.first * stripeBytes, sizeBytes);
  const end = Math.min((stripes.first + stripes.count) * stripeBytes, sizeBytes);
  const bytes = new Uint8Array(end - offset);
  for (const read of rangeToReads(profile, sizeBytes, { offset, length: end - offset })) {
    const start = read.fragmentOffset - fragmentRange.offset;
    const shard = data.get(read.column) as Uint8Array;
    bytes.set(shard.subarray(start, start + read.length), read.segmentOffset - offset);
  }
  return bytes;
}
