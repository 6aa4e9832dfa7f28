/**
 * Names of fragments, segments and files: RFC 6962 Merkle trees over SHA-256.
 *
 * @see docs/spec/data-layout.md §4
 * @module
 */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { bytes, type Codec, list, struct, u8, u16 } from "@cess/codec/codec";
import {
  auditPath,
  HASH_BYTES,
  hashLeaf,
  merkleRoot,
  rootFromAuditPath,
} from "@cess/crypto/merkle";
import { columnCount, LEAF_BYTES, type Profile } from "@cess/params/profile";
import { bigintToBytes, concatBytes, equalBytes, utf8ToBytes } from "@cess/std/bytes";
import { segmentCount } from "./layout.ts";

const FILE_DOMAIN = utf8ToBytes("cess/file/v1");
/** Levels of a tree over the columns of the widest profile. */
const SEGMENT_PATH_MAX = 4;
/** Levels of a tree over the most segments that a file may have. */
const FILE_PATH_MAX = 10;

/** What a file is called, with what its name commits to. */
export interface FileIdentity {
  /** 32 bytes. */
  readonly fid: Uint8Array;
  readonly profile: Profile;
  readonly fileSizeBytes: number;
}

/** Leads from the id of a fragment to the `fid` of its file. */
export interface FragmentPath {
  readonly segmentIndex: number;
  readonly column: number;
  /** Siblings from the fragment id to the segment id. */
  readonly segmentPath: readonly Uint8Array[];
  /** Siblings from the segment id to the tree of the file. */
  readonly filePath: readonly Uint8Array[];
}

export const fragmentPathCodec: Codec<FragmentPath> = struct<FragmentPath>({
  segmentIndex: u16,
  column: u8,
  segmentPath: list(bytes(HASH_BYTES), SEGMENT_PATH_MAX),
  filePath: list(bytes(HASH_BYTES), FILE_PATH_MAX),
});

/** Hashes of the 64 KiB leaves of a fragment; the last may be shorter. */
export function fragmentLeafHashes(fragment: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(fragment.length / LEAF_BYTES) }, (_, index) =>
    hashLeaf(fragment.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)),
  );
}

/** Id of a segment from the ids of its k+m fragments, in column order. */
export function segmentIdOf(fragmentIds: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(fragmentIds);
}

/**
 * Id of a file from the ids of its segments, in order.
 *
 * @throws {@link ErasureError} `FILE_SIZE_INVALID`.
 */
export function fileIdOf(
  file: { readonly profile: Profile; readonly fileSizeBytes: number },
  segmentIds: readonly Uint8Array[],
): Uint8Array {
  assert.equal(segmentIds.length, segmentCount(file.fileSizeBytes));
  return bindFileId(file, merkleRoot(segmentIds));
}

/**
 * The path of one fragment.
 *
 * @param ids - Ids of all segments of the file, and of all fragments of segment `segmentIndex`.
 */
export function createFragmentPath(
  { segmentIndex, column }: { readonly segmentIndex: number; readonly column: number },
  ids: { readonly segmentIds: readonly Uint8Array[]; readonly fragmentIds: readonly Uint8Array[] },
): FragmentPath {
  return {
    segmentIndex,
    column,
    segmentPath: auditPath(ids.fragmentIds.map(hashLeaf), column),
    filePath: auditPath(ids.segmentIds.map(hashLeaf), segmentIndex),
  };
}

/**
 * True if the fragment with this id is what `file` has at the segment and the column that the path
 * names.
 *
 * @throws {@link ErasureError} `FILE_SIZE_INVALID` if no file has the size of `file`.
 */
export function isFragmentOf(
  file: FileIdentity,
  fragmentId: Uint8Array,
  path: FragmentPath,
): boolean {
  const segmentId = rootFromAuditPath(
    hashLeaf(fragmentId),
    { index: path.column, leafCount: columnCount(file.profile) },
    path.segmentPath,
  );
  if (segmentId === undefined) return false;
  const fileRoot = rootFromAuditPath(
    hashLeaf(segmentId),
    { index: path.segmentIndex, leafCount: segmentCount(file.fileSizeBytes) },
    path.filePath,
  );
  return fileRoot !== undefined && equalBytes(bindFileId(file, fileRoot), file.fid);
}

/** Binds size and profile to the tree: every length in the file follows from its id. */
function bindFileId(
  { profile, fileSizeBytes }: { readonly profile: Profile; readonly fileSizeBytes: number },
  fileRoot: Uint8Array,
): Uint8Array {
  const size = bigintToBytes(BigInt(fileSizeBytes), 8);
  const bound = concatBytes(FILE_DOMAIN, Uint8Array.of(profile.id), size, fileRoot);
  return new Uint8Array(hash("sha256", bound, "buffer"));
}
