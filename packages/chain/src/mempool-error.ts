import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";

export type MempoolErrorDetail =
  | { readonly code: "ALREADY_KNOWN"; readonly hash: Hex }
  | { readonly code: "REPLACEMENT_UNDERPRICED"; readonly neededFeePerGas: bigint }
  | { readonly code: "UNDERPRICED"; readonly neededFeePerGas: bigint }
  | { readonly code: "NONCE_TOO_FAR"; readonly nonce: bigint; readonly nonceMax: bigint };

/** Why the pool does not take a transaction, in the words of other Ethereum nodes. */
export class MempoolError extends CodedError<MempoolErrorDetail> {
  constructor(detail: MempoolErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: MempoolErrorDetail): string {
  switch (detail.code) {
    case "ALREADY_KNOWN":
      return "already known";
    case "REPLACEMENT_UNDERPRICED":
      return `replacement transaction underpriced: needs ${detail.neededFeePerGas} wei a gas`;
    case "UNDERPRICED":
      return `transaction underpriced: the pool is full below ${detail.neededFeePerGas} wei a gas`;
    case "NONCE_TOO_FAR":
      return `nonce too high: ${detail.nonce}, the pool takes up to ${detail.nonceMax}`;
  }
}
