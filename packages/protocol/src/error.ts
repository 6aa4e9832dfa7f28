import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { encodeErrorResult, parseAbi } from "viem";

/** Why a module refused a call. Append-only: clients match on these. */
export type ModuleErrorCode =
  | "CALLDATA_MALFORMED"
  | "FUNCTION_UNKNOWN"
  | "NOT_PAYABLE"
  | "STATIC_CALL"
  | "ARGUMENT_INVALID"
  | "ALREADY_EXISTS"
  | "NOT_FOUND"
  | "NOT_ALLOWED"
  | "STATE_WRONG"
  | "TOO_EARLY"
  | "EXPIRED"
  | "PAYMENT_SHORT"
  | "SPACE_SHORT"
  | "SIGNATURE_INVALID"
  | "ATTESTATION_INVALID"
  | "PLACEMENT_INVALID"
  | "PROOF_INVALID"
  | "RECEIPTS_EXPIRED";

export interface ModuleErrorDetail {
  readonly code: ModuleErrorCode;
  readonly facts: string;
}

/** A refused call: the caller sees it as revert data `ModuleError(string code, string detail)`. */
export class ModuleError extends CodedError<ModuleErrorDetail> {
  constructor(code: ModuleErrorCode, facts: string, options?: ErrorOptions) {
    super({ code, facts }, `${code}: ${facts}`, options);
  }
}

export const MODULE_ERROR_SIGNATURE = "error ModuleError(string code, string detail)";
const errorAbi = parseAbi([MODULE_ERROR_SIGNATURE]);

/** Revert data of a refused call. */
export function encodeModuleError(error: ModuleError): Hex {
  const { code, facts } = error.detail;
  return encodeErrorResult({ abi: errorAbi, errorName: "ModuleError", args: [code, facts] });
}

/** Refuses the call unless `condition` holds. */
export function require(
  condition: boolean,
  code: ModuleErrorCode,
  facts: string,
): asserts condition {
  if (!condition) throw new ModuleError(code, facts);
}
