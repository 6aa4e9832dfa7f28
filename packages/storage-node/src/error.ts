import { CodedError } from "@cess/std/error";

/** Why a fragment could not be kept, served, tagged, proven or rebuilt. */
export type StorageNodeErrorDetail =
  | { readonly code: "FRAGMENT_NOT_FOUND"; readonly fragmentId: string }
  /** It was here and is damaged: the chain is told, and it is never served. */
  | { readonly code: "FRAGMENT_LOST"; readonly fragmentId: string }
  | { readonly code: "FRAGMENT_TOO_LARGE"; readonly sizeBytesMax: number }
  /** The bytes are not the fragment that was announced. */
  | { readonly code: "FRAGMENT_OTHER"; readonly fragmentId: string }
  | { readonly code: "FRAGMENT_EMPTY" }
  | { readonly code: "DISK_FULL"; readonly needBytes: number; readonly freeBytes: number }
  | { readonly code: "NO_WORKER" }
  | { readonly code: "WORKER_FAILED"; readonly worker: string; readonly reason: string }
  | { readonly code: "SOURCE_FAILED"; readonly miner: string; readonly reason: string }
  | {
      readonly code: "SOURCES_TOO_FEW";
      readonly fid: string;
      readonly segment: number;
      readonly have: number;
      readonly need: number;
    };

export class StorageNodeError extends CodedError<StorageNodeErrorDetail> {
  constructor(detail: StorageNodeErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
