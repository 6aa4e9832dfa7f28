import { ErasureError } from "./error.ts";
import { type StripeRange, segmentLayout, stripesToFragmentRange, UNIT_BYTES } from "./layout.ts";
import { chooseColumns, type ErasureCode } from "./reed-solomon.ts";

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
  const { dataCount } = code.profile;
  const shardBytes = stripesToFragmentRange(segmentLayout(code.profile, sizeBytes), stripes).length;
  checkLengths(shards.values(), shardBytes);
  const decodeUnits = createUnitDecoder(code, shards);
  const first = stripes.first * dataCount * UNIT_BYTES;
  const bytes = new Uint8Array(Math.min(shardBytes * dataCount, Math.max(0, sizeBytes - first)));
  for (let start = 0; start < shardBytes; start += UNIT_BYTES) {
    const unitBytes = Math.min(UNIT_BYTES, shardBytes - start);
    const stripe = bytes.subarray(start * dataCount, (start + unitBytes) * dataCount);
    if (stripe.length === unitBytes * dataCount) {
      decodeUnits({ start, unitBytes }, stripe);
    } else {
      // A tail ends in zeros that are no part of the segment.
      const padded = new Uint8Array(unitBytes * dataCount);
      decodeUnits({ start, unitBytes }, padded);
      stripe.set(padded.subarray(0, stripe.length));
    }
  }
  return bytes;
}

/** Sets a stripe, data unit after data unit, from the bytes at `start` of each shard. */
type UnitDecoder = (
  piece: { readonly start: number; readonly unitBytes: number },
  stripeInto: Uint8Array,
) => void;

function createUnitDecoder(
  code: ErasureCode,
  shards: ReadonlyMap<number, Uint8Array>,
): UnitDecoder {
  const { dataCount } = code.profile;
  const present = chooseColumns(code.profile, shards.keys());
  const columns = Array.from({ length: dataCount }, (_, column) => column);
  const missing = columns.filter((column) => !present.includes(column));
  const rebuild = code.planRebuild(present, missing);
  return ({ start, unitBytes }, stripeInto) => {
    const inputs = present.map((column) =>
      (shards.get(column) as Uint8Array).subarray(start, start + unitBytes),
    );
    for (const [index, column] of present.entries()) {
      if (column < dataCount) stripeInto.set(inputs[index] as Uint8Array, column * unitBytes);
    }
    const outputs = missing.map((column) =>
      stripeInto.subarray(column * unitBytes, (column + 1) * unitBytes),
    );
    rebuild(inputs, outputs);
  };
}

function checkLengths(shards: Iterable<Uint8Array>, needBytes: number): void {
  for (const { length } of shards) {
    if (length !== needBytes) {
      throw new ErasureError({ code: "SHARD_SIZE_INVALID", sizeBytes: length, needBytes });
    }
  }
}
