import { CodedError } from "@cess/std/error";

/** Why a key, a proof or a fragment could not be used. */
export type ProofErrorDetail =
  | { readonly code: "POINT_MALFORMED"; readonly group: "G1" | "G2" }
  | { readonly code: "SCALAR_MALFORMED" }
  | { readonly code: "TAG_KEY_MALFORMED"; readonly why: string }
  | { readonly code: "PROOF_MALFORMED"; readonly why: string }
  | { readonly code: "TAG_MALFORMED"; readonly block: string }
  | { readonly code: "FRAGMENT_EMPTY" }
  | { readonly code: "FRAGMENT_MISSING"; readonly path: string }
  | { readonly code: "FRAGMENT_SHORT"; readonly path: string; readonly blockIndex: number }
  | { readonly code: "POOL_FULL"; readonly queueMax: number }
  | { readonly code: "POOL_STOPPED" }
  | { readonly code: "POOL_THREAD_DIED" };

export class ProofError extends CodedError<ProofErrorDetail> {
  constructor(detail: ProofErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: ProofErrorDetail): string {
  switch (detail.code) {
    case "POINT_MALFORMED":
      return `not the canonical encoding of a point of ${detail.group}`;
    case "SCALAR_MALFORMED":
      return "not the canonical encoding of a scalar";
    case "TAG_KEY_MALFORMED":
      return `not a tag key: ${detail.why}`;
    case "PROOF_MALFORMED":
      return `not a proof: ${detail.why}`;
    case "TAG_MALFORMED":
      return `the tag kept for block ${detail.block} is not a point`;
    case "FRAGMENT_EMPTY":
      return "a fragment has at least one byte";
    case "FRAGMENT_MISSING":
      return `no fragment or tags at ${detail.path}`;
    case "FRAGMENT_SHORT":
      return `${detail.path} ends before block ${detail.blockIndex}`;
    case "POOL_FULL":
      return `${detail.queueMax} tasks are waiting already`;
    case "POOL_STOPPED":
      return "the pool has been stopped";
    case "POOL_THREAD_DIED":
      return "a thread of the pool ended before its task";
  }
}
