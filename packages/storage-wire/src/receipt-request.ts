import { type Codec, list, struct, u8, u64 } from "@cess/codec/codec";
import { type FragmentPath, fragmentPathCodec } from "@cess/erasure/ids";
import { COLUMNS_MAX, FILE_SEGMENTS_MAX } from "@cess/params/profile";
import type { Hex } from "@cess/std/bytes";
import { addressCodec, hashCodec } from "./hex-codec.ts";

/** A fragment and where it belongs in its file. */
export interface PlacedFragment {
  readonly fragmentId: Hex;
  readonly path: FragmentPath;
}

/**
 * "Sign that you hold this column, durably, in this placement, for this territory to declare."
 *
 * @see docs/spec/fragment-api.md#2-storage-node
 */
export interface ReceiptRequest {
  readonly fid: Hex;
  readonly sizeBytes: bigint;
  readonly profileId: number;
  readonly column: number;
  readonly territory: Hex;
  /** Last block in which the receipt shall be good for a declaration. */
  readonly expiryBlock: bigint;
  /** Miner of each column in order. */
  readonly placement: readonly Hex[];
  /** One for each segment, in order; none to have signed again what the node holds already. */
  readonly fragments: readonly PlacedFragment[];
}

export const receiptRequestCodec: Codec<ReceiptRequest> = struct<ReceiptRequest>({
  fid: hashCodec,
  sizeBytes: u64,
  profileId: u8,
  column: u8,
  territory: hashCodec,
  expiryBlock: u64,
  placement: list(addressCodec, COLUMNS_MAX),
  fragments: list(
    struct<PlacedFragment>({ fragmentId: hashCodec, path: fragmentPathCodec }),
    FILE_SEGMENTS_MAX,
  ),
});

/** A path has at most 4 + 10 hashes of 32 bytes beside its indexes and counts. */
const PLACED_FRAGMENT_BYTES_MAX = 512;
/** More than any request that decodes. */
export const RECEIPT_REQUEST_BYTES_MAX: number =
  1024 + FILE_SEGMENTS_MAX * PLACED_FRAGMENT_BYTES_MAX;
