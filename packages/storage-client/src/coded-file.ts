import { createFragmentPath, fileIdOf } from "@cess/erasure/ids";
import type { EncodedSegment } from "@cess/erasure/segment-encoder";
import type { Profile } from "@cess/params/profile";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import type { ReceiptRequest } from "@cess/storage-wire/receipt-request";

/** A file that is coded and named, with what its receipts have to say. */
export interface CodedFile {
  readonly fid: Hex;
  readonly sizeBytes: number;
  readonly profile: Profile;
  /** What miner of `column` is asked to sign, given the placement. */
  receiptRequest(column: number, placement: readonly Hex[]): ReceiptRequest;
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
    receiptRequest: (column, placement) => ({
      fid,
      sizeBytes: BigInt(sizeBytes),
      profileId: profile.id,
      column,
      placement,
      fragments: segments.map(({ fragmentIds }, segmentIndex) => ({
        fragmentId: bytesToHex(fragmentIds[column] as Uint8Array),
        path: createFragmentPath({ segmentIndex, column }, { segmentIds, fragmentIds }),
      })),
    }),
  };
}
