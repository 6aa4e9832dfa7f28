import { createFragmentPath, fileIdOf } from "@cess/erasure/ids";
import type { EncodedSegment } from "@cess/erasure/segment-encoder";
import type { Profile } from "@cess/params/profile";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import type { PlacedFragment, ReceiptRequest } from "@cess/storage-wire/receipt-request";

/** A file that is coded and named, with what its receipts have to say. */
export interface CodedFile {
  readonly fid: Hex;
  readonly sizeBytes: number;
  readonly profile: Profile;
  /** What the receipt of `column` is asked for with; nothing to have it given anew. */
  fragmentsOf(column: number): readonly PlacedFragment[];
}

/** What receipts are bound to besides the file. */
export interface ReceiptTerms {
  readonly territory: Hex;
  readonly expiryBlock: bigint;
  /** Miner of each column. */
  readonly placement: readonly Hex[];
}

/** What the miner of `column` is asked to sign. */
export function receiptRequestOf(
  file: CodedFile,
  column: number,
  terms: ReceiptTerms,
): ReceiptRequest {
  const { fid, profile } = file;
  return {
    ...terms,
    fid,
    sizeBytes: BigInt(file.sizeBytes),
    profileId: profile.id,
    column,
    fragments: file.fragmentsOf(column),
  };
}

export function createCodedFile(
  profile: Profile,
  segments: readonly Pick<EncodedSegment, "sizeBytes" | "segmentId" | "fragmentIds">[],
): CodedFile {
  const sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  const segmentIds = segments.map(({ segmentId }) => segmentId);
  const fid = bytesToHex(fileIdOf({ profile, fileSizeBytes: sizeBytes }, segmentIds));
  return {
    fid,
    sizeBytes,
    profile,
    fragmentsOf: (column) =>
      segments.map(({ fragmentIds }, segmentIndex) => ({
        fragmentId: bytesToHex(fragmentIds[column] as Uint8Array),
        path: createFragmentPath({ segmentIndex, column }, { segmentIds, fragmentIds }),
      })),
  };
}
