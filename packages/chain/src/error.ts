import { CodedError } from "@cess/std/error";

export type ChainErrorDetail =
  | { readonly code: "STORE_FOREIGN"; readonly directory: string }
  | { readonly code: "STORE_CORRUPT"; readonly directory: string; readonly reason: string }
  | { readonly code: "BLOCK_REFUSED"; readonly reason: string }
  | { readonly code: "SYNC_REFUSED"; readonly peerId: string; readonly reason: string }
  | { readonly code: "GENESIS_FILE_INVALID"; readonly path: string; readonly reason: string };

/** What may go wrong in a chain node for reasons outside of it. */
export class ChainError extends CodedError<ChainErrorDetail> {
  constructor(detail: ChainErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
