import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";

export type ExecutionErrorDetail =
  | { readonly code: "BLOCK_INVALID"; readonly reason: string }
  | { readonly code: "BLOCK_UNKNOWN"; readonly block: string }
  | { readonly code: "STATE_MISSING"; readonly hash: Hex }
  | { readonly code: "DATABASE_FOREIGN"; readonly expected: Hex; readonly found: Hex }
  | { readonly code: "GENESIS_INVALID"; readonly reason: string }
  | { readonly code: "TRANSACTION_MALFORMED"; readonly reason: string }
  | { readonly code: "TRANSACTION_UNSUPPORTED"; readonly type: number }
  | {
      readonly code: "TRANSACTION_TOO_LARGE";
      readonly sizeBytes: number;
      readonly maxBytes: number;
    }
  | { readonly code: "CHAIN_ID_WRONG"; readonly expected: bigint }
  | { readonly code: "NONCE_TOO_LOW"; readonly nonce: bigint; readonly expected: bigint }
  | { readonly code: "NONCE_TOO_HIGH"; readonly nonce: bigint; readonly expected: bigint }
  | { readonly code: "FUNDS_INSUFFICIENT"; readonly balanceWei: bigint; readonly neededWei: bigint }
  | { readonly code: "FEE_TOO_LOW"; readonly maxFeePerGas: bigint; readonly baseFee: bigint }
  | { readonly code: "GAS_TOO_LOW"; readonly gasLimit: bigint; readonly intrinsicGas: bigint }
  | { readonly code: "GAS_TOO_HIGH"; readonly maxGas: bigint }
  | { readonly code: "CALL_REVERTED"; readonly data: Hex }
  | { readonly code: "CALL_FAILED"; readonly reason: string }
  | { readonly code: "LOGS_LIMIT"; readonly limit: "blocks" | "logs"; readonly countMax: number };

/** A block, transaction or query from outside that the chain's rules refuse. */
export class ExecutionError extends CodedError<ExecutionErrorDetail> {
  constructor(detail: ExecutionErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: ExecutionErrorDetail): string {
  switch (detail.code) {
    case "BLOCK_INVALID":
      return `invalid block: ${detail.reason}`;
    case "BLOCK_UNKNOWN":
      return `unknown block ${detail.block}`;
    case "STATE_MISSING":
      return `the database lacks the part of the state with hash ${detail.hash}`;
    case "DATABASE_FOREIGN":
      return `the database holds the chain of genesis ${detail.found}, not ${detail.expected}`;
    case "GENESIS_INVALID":
      return `invalid genesis: ${detail.reason}`;
    case "TRANSACTION_MALFORMED":
      return `malformed transaction: ${detail.reason}`;
    case "TRANSACTION_UNSUPPORTED":
      return `transaction type ${detail.type} is not supported`;
    case "TRANSACTION_TOO_LARGE":
      return `transaction of ${detail.sizeBytes} bytes exceeds ${detail.maxBytes}`;
    case "CHAIN_ID_WRONG":
      return `invalid chain id: expected ${detail.expected}`;
    case "NONCE_TOO_LOW":
      return `nonce too low: next nonce ${detail.expected}, tx nonce ${detail.nonce}`;
    case "NONCE_TOO_HIGH":
      return `nonce too high: next nonce ${detail.expected}, tx nonce ${detail.nonce}`;
    case "FUNDS_INSUFFICIENT":
      return `insufficient funds for gas * price + value: have ${detail.balanceWei} want ${detail.neededWei}`;
    case "FEE_TOO_LOW":
      return `max fee per gas less than block base fee: maxFeePerGas ${detail.maxFeePerGas}, baseFee ${detail.baseFee}`;
    case "GAS_TOO_LOW":
      return `intrinsic gas too low: have ${detail.gasLimit}, want ${detail.intrinsicGas}`;
    case "GAS_TOO_HIGH":
      return `transaction gas limit too high: at most ${detail.maxGas}`;
    case "CALL_REVERTED":
      return "execution reverted";
    case "CALL_FAILED":
      return detail.reason;
    case "LOGS_LIMIT":
      return `query exceeds ${detail.countMax} ${detail.limit}`;
  }
}
