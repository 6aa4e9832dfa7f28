import { CodedError } from "@cess/std/error";

export type CryptoErrorDetail =
  | { readonly code: "KEY_INVALID"; readonly reason: string }
  | { readonly code: "SIGNATURE_MALFORMED"; readonly reason: string }
  | { readonly code: "PROOF_MALFORMED"; readonly reason: string }
  | { readonly code: "PROOF_INVALID" }
  | { readonly code: "CHUNK_FORGED"; readonly chunkIndex: number }
  | { readonly code: "KEY_FILE_INVALID"; readonly path: string; readonly reason: string }
  | { readonly code: "PASSWORD_WRONG"; readonly path: string };

/** Bytes from outside that are not the key, signature or proof they claim to be. */
export class CryptoError extends CodedError<CryptoErrorDetail> {
  constructor(detail: CryptoErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
