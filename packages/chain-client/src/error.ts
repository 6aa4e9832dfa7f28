import { CodedError } from "@cess/std/error";

/** Why the chain could not be asked, or refused. */
export type ChainErrorDetail =
  /** A module refused the call: `moduleCode` is its own code. */
  | { readonly code: "MODULE_REFUSED"; readonly moduleCode: string; readonly reason: string }
  | { readonly code: "CALL_REVERTED"; readonly call: string }
  /** The node did not answer, or not as JSON-RPC has it. Worth another try. */
  | { readonly code: "RPC_FAILED"; readonly method: string }
  /** Another transaction took this one's place. */
  | { readonly code: "TRANSACTION_REPLACED"; readonly hash: string }
  | { readonly code: "TRANSACTION_TIMEOUT"; readonly hash: string; readonly waitedMs: number }
  | { readonly code: "WRONG_CHAIN"; readonly expected: number; readonly found: number }
  | { readonly code: "ABORTED" };

export class ChainError extends CodedError<ChainErrorDetail> {
  constructor(detail: ChainErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

/** True if a module refused a call with one of `moduleCodes`; with any, if none is named. */
export function isRefusal(cause: unknown, ...moduleCodes: readonly string[]): boolean {
  if (!(cause instanceof ChainError) || cause.detail.code !== "MODULE_REFUSED") return false;
  return moduleCodes.length === 0 || moduleCodes.includes(cause.detail.moduleCode);
}

function describe(detail: ChainErrorDetail): string {
  switch (detail.code) {
    case "MODULE_REFUSED":
      return `refused by the chain: ${detail.moduleCode} ${detail.reason}`;
    case "CALL_REVERTED":
      return `${detail.call} reverted without a reason`;
    case "RPC_FAILED":
      return `${detail.method} failed`;
    case "TRANSACTION_REPLACED":
      return `transaction ${detail.hash} was replaced`;
    case "TRANSACTION_TIMEOUT":
      return `transaction ${detail.hash} is not in a block after ${detail.waitedMs} ms`;
    case "WRONG_CHAIN":
      return `connected to chain ${detail.found} instead of ${detail.expected}`;
    case "ABORTED":
      return "stopped before the chain answered";
  }
}
