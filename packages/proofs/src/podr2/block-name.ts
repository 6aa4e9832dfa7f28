import { bytes, encode, struct, u8, u16, u32 } from "@cess/codec/codec";
import { BLOCK_BYTES } from "@cess/params/podr2";
import { bytesToHex, concatBytes, utf8ToBytes } from "@cess/std/bytes";

/**
 * Where a fragment belongs. The file id commits to contents, size and profile, so the position
 * names the contents.
 */
export interface FragmentName {
  /** Merkle root of the file, 32 bytes. */
  readonly fid: Uint8Array;
  readonly segmentIndex: number;
  readonly column: number;
}

export interface BlockName extends FragmentName {
  readonly blockIndex: number;
}

const DOMAIN = utf8ToBytes("cess/podr2/block/v1");
const blockNameCodec = struct<BlockName>({
  fid: bytes(32),
  segmentIndex: u16,
  column: u8,
  blockIndex: u32,
});

/** What is hashed to the curve for a block. */
export function blockMessage(name: BlockName): Uint8Array {
  return concatBytes(DOMAIN, encode(blockNameCodec, name));
}

/** Equal for equal names. */
export function blockKey(name: BlockName): string {
  return bytesToHex(encode(blockNameCodec, name));
}

/** Blocks, and so tags, of a fragment. */
export function countBlocks(fragmentBytes: number): number {
  return Math.ceil(fragmentBytes / BLOCK_BYTES);
}
