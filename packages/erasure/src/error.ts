import { CodedError } from "@cess/std/error";

/** Why bytes could not be laid out, coded or rebuilt. */
export type ErasureErrorDetail =
  | {
      readonly code: "FILE_SIZE_INVALID";
      readonly sizeBytes: number;
      readonly sizeBytesMax: number;
    }
  | { readonly code: "SEGMENT_INVALID"; readonly index: number; readonly count: number }
  | { readonly code: "SEGMENT_SIZE_INVALID"; readonly sizeBytes: number }
  | { readonly code: "RANGE_INVALID"; readonly offset: number; readonly length: number }
  | { readonly code: "COLUMN_INVALID"; readonly column: number; readonly count: number }
  | { readonly code: "SHARDS_TOO_FEW"; readonly haveCount: number; readonly needCount: number }
  | { readonly code: "SHARD_SIZE_INVALID"; readonly sizeBytes: number; readonly needBytes: number };

export class ErasureError extends CodedError<ErasureErrorDetail> {
  constructor(detail: ErasureErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: ErasureErrorDetail): string {
  switch (detail.code) {
    case "FILE_SIZE_INVALID":
      return `a file has 1 to ${detail.sizeBytesMax} bytes, not ${detail.sizeBytes}`;
    case "SEGMENT_INVALID":
      return `no segment ${detail.index} among ${detail.count}`;
    case "SEGMENT_SIZE_INVALID":
      return `no segment has ${detail.sizeBytes} bytes`;
    case "RANGE_INVALID":
      return `no bytes ${detail.offset}+${detail.length} there`;
    case "COLUMN_INVALID":
      return `no column ${detail.column} among ${detail.count}`;
    case "SHARDS_TOO_FEW":
      return `${detail.needCount} columns are needed, ${detail.haveCount} are there`;
    case "SHARD_SIZE_INVALID":
      return `a shard has ${detail.sizeBytes} bytes instead of ${detail.needBytes}`;
  }
}
