/**
 * What a miner asks of a TEE worker.
 *
 * @see docs/spec/fragment-api.md#3-tee-worker
 * @module
 */
import { bytes, type Codec, encode, list, struct, u8, u16, u64 } from "@cess/codec/codec";
import { type FragmentPath, fragmentPathCodec } from "@cess/erasure/ids";
import { FILE_SEGMENTS_MAX } from "@cess/params/profile";
import { concatBytes, type Hex, utf8ToBytes } from "@cess/std/bytes";
import { WireError } from "./error.ts";
import { addressCodec, hashCodec } from "./hex-codec.ts";

export const MAC_BYTES: number = 32;
/** Compressed point of G1. */
export const TAG_BYTES: number = 48;
export const REPORT_ITEMS_MAX: number = 256;

export interface TagRequest {
  readonly miner: Hex;
  readonly fid: Hex;
  readonly sizeBytes: bigint;
  readonly profileId: number;
  readonly path: FragmentPath;
}

export const tagRequestCodec: Codec<TagRequest> = struct<TagRequest>({
  miner: addressCodec,
  fid: hashCodec,
  sizeBytes: u64,
  profileId: u8,
  path: fragmentPathCodec,
});

/** More than any head of a tag request that decodes. */
export const TAG_REQUEST_BYTES_MAX: number = 1024;

export interface TagResponse {
  /** Proves to the worker, later, that it tagged this fragment for this miner. */
  readonly mac: Uint8Array;
  /** 48 bytes for each block, in order. */
  readonly tags: Uint8Array;
}

/** Splits `MAC ‖ tags` without copying. */
export function decodeTagResponse(body: Uint8Array): TagResponse {
  const tagsBytes = body.length - MAC_BYTES;
  if (tagsBytes <= 0 || tagsBytes % TAG_BYTES !== 0) {
    throw new WireError({ code: "FRAME_MALFORMED", reason: "not a MAC and tags" });
  }
  return { mac: body.subarray(0, MAC_BYTES), tags: body.subarray(MAC_BYTES) };
}

/** What a MAC of a TEE worker is computed over. */
export interface TaggedFragment {
  readonly miner: Hex;
  readonly fid: Hex;
  readonly sizeBytes: bigint;
  readonly profileId: number;
  readonly segment: number;
  readonly column: number;
}

const DOMAIN = utf8ToBytes("cess/tagged/v1");
const taggedFragmentCodec: Codec<TaggedFragment> = struct<TaggedFragment>({
  miner: addressCodec,
  fid: hashCodec,
  sizeBytes: u64,
  profileId: u8,
  segment: u16,
  column: u8,
});

export function taggedMessage(tagged: TaggedFragment): Uint8Array {
  return concatBytes(DOMAIN, encode(taggedFragmentCodec, tagged));
}

/** A single fragment with its MAC, or a column (`SEGMENT_ALL`) with those of all its segments. */
export interface ReportItem {
  readonly fid: Hex;
  readonly segment: number;
  readonly column: number;
  readonly sizeBytes: bigint;
  readonly profileId: number;
  readonly macs: readonly Uint8Array[];
}

export interface ReportRequest {
  readonly miner: Hex;
  readonly expiryBlock: bigint;
  readonly items: readonly ReportItem[];
}

export const reportRequestCodec: Codec<ReportRequest> = struct<ReportRequest>({
  miner: addressCodec,
  expiryBlock: u64,
  items: list(
    struct<ReportItem>({
      fid: hashCodec,
      segment: u16,
      column: u8,
      sizeBytes: u64,
      profileId: u8,
      macs: list(bytes(MAC_BYTES), FILE_SEGMENTS_MAX),
    }),
    REPORT_ITEMS_MAX,
  ),
});

/** More than any report request that decodes: 256 columns of 1000 segments. */
export const REPORT_REQUEST_BYTES_MAX: number =
  64 + REPORT_ITEMS_MAX * (64 + FILE_SEGMENTS_MAX * MAC_BYTES);
