import { hashLeaf, merkleRootOfHashes } from "@cess/crypto/merkle";
import { createGF256Kernel } from "@cess/kernels/gf256";
import type { GF256Bank, GF256Matrix } from "@cess/kernels/gf256-bank";
import { columnCount, type Profile, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { ErasureError } from "./error.ts";
import { createGenerator, subMatrix } from "./generator.ts";
import { segmentIdOf } from "./ids.ts";
import { UNIT_BYTES } from "./layout.ts";

/** The k+m shards of one stripe. */
export interface Stripe {
  /** Where each shard goes in the fragment of its column. */
  readonly fragmentOffset: number;
  /** In column order, all of one length. Valid until the encoder is used again. */
  readonly shards: readonly Uint8Array[];
}

/** What is known of a segment once all of it is coded. */
export interface EncodedSegment {
  readonly sizeBytes: number;
  readonly fragmentSizeBytes: number;
  /** In column order. */
  readonly fragmentIds: readonly Uint8Array[];
  readonly segmentId: Uint8Array;
}

/**
 * Codes segments from a stream, holding one stripe.
 *
 * PERF: a byte is copied once, into the memory of the kernel. Hashing costs k+m bytes for every k
 * and outweighs the code about seven to one on one core.
 */
export class SegmentEncoder {
  readonly #profile: Profile;
  readonly #bank: GF256Bank;
  readonly #parityRows: GF256Matrix;
  readonly #inputs: readonly number[];
  readonly #outputs: readonly number[];
  #leafHashes: Uint8Array[][];
  /** Bytes of the segment before this stripe, and bytes in this stripe. */
  #sealedBytes = 0;
  #stripeBytes = 0;
  #fragmentOffset = 0;

  constructor(profile: Profile) {
    const columns = Array.from({ length: columnCount(profile) }, (_, column) => column);
    this.#profile = profile;
    this.#inputs = columns.slice(0, profile.dataCount);
    this.#outputs = columns.slice(profile.dataCount);
    this.#parityRows = subMatrix(createGenerator(profile), this.#outputs);
    this.#bank = createGF256Kernel({ shardCount: columns.length, shardBytes: UNIT_BYTES });
    this.#leafHashes = columns.map(() => []);
  }

  /** How much more this segment takes. */
  get freeBytes(): number {
    return SEGMENT_BYTES_MAX - this.#sealedBytes - this.#stripeBytes;
  }

  /**
   * Takes bytes in and gives each stripe that they complete. They are taken in as the result is
   * iterated, which must be to its end, so that a slow reader slows the writer.
   *
   * @throws {@link ErasureError} `SEGMENT_SIZE_INVALID` if there are more than `freeBytes`.
   */
  *push(bytes: Uint8Array): Generator<Stripe, void> {
    if (bytes.length > this.freeBytes) {
      const sizeBytes = SEGMENT_BYTES_MAX - this.freeBytes + bytes.length;
      throw new ErasureError({ code: "SEGMENT_SIZE_INVALID", sizeBytes });
    }
    for (let taken = 0; taken < bytes.length; ) {
      const column = Math.floor(this.#stripeBytes / UNIT_BYTES);
      const offset = this.#stripeBytes % UNIT_BYTES;
      const piece = bytes.subarray(taken, taken + UNIT_BYTES - offset);
      this.#shard(column).set(piece, offset);
      taken += piece.length;
      this.#stripeBytes += piece.length;
      if (this.#stripeBytes === this.#profile.dataCount * UNIT_BYTES) yield this.#seal(UNIT_BYTES);
    }
  }

  /**
   * Ends the segment; the encoder is then ready for the next.
   *
   * @returns The tail, if the segment has one, and the ids.
   * @throws {@link ErasureError} `SEGMENT_SIZE_INVALID` if the segment is empty.
   */
  finish(): { readonly tail: Stripe | undefined; readonly segment: EncodedSegment } {
    const tail = this.#stripeBytes > 0 ? this.#seal(this.#dealTail()) : undefined;
    const sizeBytes = this.#sealedBytes;
    if (sizeBytes === 0) throw new ErasureError({ code: "SEGMENT_SIZE_INVALID", sizeBytes });
    const fragmentIds = this.#leafHashes.map(merkleRootOfHashes);
    const segmentId = segmentIdOf(fragmentIds);
    const segment = { sizeBytes, fragmentSizeBytes: this.#fragmentOffset, fragmentIds, segmentId };
    this.#leafHashes = fragmentIds.map(() => []);
    this.#sealedBytes = 0;
    this.#fragmentOffset = 0;
    return { tail, segment };
  }

  /** Computes the parity of the stripe, hashes its leaves and begins the next. */
  #seal(unitBytes: number): Stripe {
    this.#bank.multiply(this.#parityRows, {
      inputs: this.#inputs,
      outputs: this.#outputs,
      sizeBytes: unitBytes,
    });
    const shards = this.#bank.shards.map((shard) => shard.subarray(0, unitBytes));
    for (const [column, shard] of shards.entries()) this.#leafHashes[column]?.push(hashLeaf(shard));
    const stripe = { fragmentOffset: this.#fragmentOffset, shards };
    this.#sealedBytes += this.#stripeBytes;
    this.#stripeBytes = 0;
    this.#fragmentOffset += unitBytes;
    return stripe;
  }

  /** Deals the bytes of an unfinished stripe evenly to the data columns; returns their unit. */
  #dealTail(): number {
    const tail = new Uint8Array(this.#inputs.length * UNIT_BYTES);
    for (const column of this.#inputs) tail.set(this.#shard(column), column * UNIT_BYTES);
    tail.fill(0, this.#stripeBytes);
    const unitBytes = Math.ceil(this.#stripeBytes / this.#inputs.length);
    for (const column of this.#inputs) {
      this.#shard(column).set(tail.subarray(column * unitBytes, (column + 1) * unitBytes));
    }
    return unitBytes;
  }

  #shard(column: number): Uint8Array {
    return this.#bank.shards[column] as Uint8Array;
  }
}

/**
 * Codes a segment that is in memory as a whole.
 *
 * @throws {@link ErasureError} `SEGMENT_SIZE_INVALID`.
 */
export function encodeSegment(
  encoder: SegmentEncoder,
  bytes: Uint8Array,
): { readonly fragments: readonly Uint8Array[]; readonly segment: EncodedSegment } {
  const stripes: Stripe[] = [];
  const keep = (stripe: Stripe) =>
    stripes.push({ ...stripe, shards: stripe.shards.map((shard) => shard.slice()) });
  for (const stripe of encoder.push(bytes)) keep(stripe);
  const { tail, segment } = encoder.finish();
  if (tail !== undefined) keep(tail);
  const fragments = segment.fragmentIds.map((_, column) => {
    const fragment = new Uint8Array(segment.fragmentSizeBytes);
    for (const { fragmentOffset, shards } of stripes) {
      fragment.set(shards[column] as Uint8Array, fragmentOffset);
    }
    return fragment;
  });
  return { fragments, segment };
}
