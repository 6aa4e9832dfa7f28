import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";

export type StorageClientErrorDetail =
  /** A node answered with an error, or not at all (status 0). */
  | {
      readonly code: "NODE_FAILED";
      readonly account: Hex;
      readonly status: number;
      readonly reason: string;
    }
  /** A node's bytes do not lead to the id that was asked for. */
  | { readonly code: "BYTES_FORGED"; readonly account: Hex; readonly reason: string }
  | {
      readonly code: "TOO_FEW_NODES";
      readonly needCount: number;
      readonly haveCount: number;
      readonly reason: string;
    }
  | { readonly code: "UNAVAILABLE"; readonly fid: Hex; readonly segment: number }
  | { readonly code: "FILE_UNKNOWN"; readonly fid: Hex }
  | { readonly code: "RANGE_INVALID"; readonly offset: number; readonly length: number }
  | { readonly code: "OBJECT_TOO_LARGE"; readonly sizeBytes: number; readonly sizeBytesMax: number }
  | { readonly code: "DECLARATION_REFUSED"; readonly fids: readonly Hex[]; readonly reason: string }
  /** The chain would not declare what was written there. */
  | { readonly code: "TERRITORY_REFUSED"; readonly territory: Hex; readonly reason: string }
  | { readonly code: "QUEUE_FULL"; readonly countMax: number }
  /** The chain has not answered yet, so that nobody can say until when receipts are good. */
  | { readonly code: "HEIGHT_UNKNOWN" };

export class StorageClientError extends CodedError<StorageClientErrorDetail> {
  constructor(detail: StorageClientErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: StorageClientErrorDetail): string {
  switch (detail.code) {
    case "NODE_FAILED":
      return `storage node ${detail.account} failed (status ${detail.status}): ${detail.reason}`;
    case "BYTES_FORGED":
      return `storage node ${detail.account} sent other bytes than were asked for: ${detail.reason}`;
    case "TOO_FEW_NODES":
      return `${detail.needCount} storage nodes are needed, ${detail.haveCount} can be used: ${detail.reason}`;
    case "UNAVAILABLE":
      return `segment ${detail.segment} of file ${detail.fid} cannot be read from enough nodes`;
    case "FILE_UNKNOWN":
      return `file ${detail.fid} is not on chain`;
    case "RANGE_INVALID":
      return `range at ${detail.offset} of ${detail.length} bytes lies outside the object`;
    case "OBJECT_TOO_LARGE":
      return `${detail.sizeBytes} bytes exceed the limit of ${detail.sizeBytesMax}`;
    case "DECLARATION_REFUSED":
      return `the chain refused ${detail.fids.length} declarations: ${detail.reason}`;
    case "TERRITORY_REFUSED":
      return `nothing can be written to territory ${detail.territory}: ${detail.reason}`;
    case "QUEUE_FULL":
      return `more than ${detail.countMax} writes are waiting`;
    case "HEIGHT_UNKNOWN":
      return "the height of the chain is not known";
  }
}
