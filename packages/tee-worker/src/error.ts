import { CodedError } from "@cess/std/error";

export type TEEWorkerErrorDetail =
  | { readonly code: "KEY_FILE_INVALID"; readonly path: string }
  /** The account is registered with other keys: its key file was lost or swapped. */
  | { readonly code: "KEY_MISMATCH"; readonly registered: string; readonly own: string };

export class TEEWorkerError extends CodedError<TEEWorkerErrorDetail> {
  constructor(detail: TEEWorkerErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
