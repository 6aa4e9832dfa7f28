import { ExecutionError } from "@cess/execution/error";
import { MODULE_ERROR_SIGNATURE } from "@cess/protocol/error";
import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { decodeErrorResult, parseAbi } from "viem";
import { ERROR_NUMBERS, type ErrorObject, RPCError } from "./error.ts";

const INTERNAL_ERROR = -32603;
const SERVER_ERROR = -32000;
const RESOURCE_NOT_FOUND = -32001;
const LIMIT_EXCEEDED = -32005;
/** Of a call that reverted; `data` is what it reverted with. */
const REVERTED = 3;

const errorAbi = parseAbi([MODULE_ERROR_SIGNATURE]);

/** What a caller is told of a failure: everything of its own making, nothing of ours. */
export function toErrorObject(cause: unknown): ErrorObject {
  if (cause instanceof RPCError) {
    return { code: ERROR_NUMBERS[cause.detail.code], message: cause.message };
  }
  if (cause instanceof ExecutionError) return fromExecution(cause);
  if (cause instanceof CodedError) return { code: SERVER_ERROR, message: cause.message };
  return { code: INTERNAL_ERROR, message: "internal error" };
}

/** True if the fault is the server's and belongs into its log. */
export function isInternal(cause: unknown): boolean {
  return !(cause instanceof CodedError);
}

function fromExecution({ detail, message }: ExecutionError): ErrorObject {
  if (detail.code === "CALL_REVERTED") {
    const reason = revertReason(detail.data);
    const text = reason === undefined ? message : `${message}: ${reason}`;
    return { code: REVERTED, message: text, data: detail.data };
  }
  if (detail.code === "BLOCK_UNKNOWN") return { code: RESOURCE_NOT_FOUND, message };
  if (detail.code === "LOGS_LIMIT") return { code: LIMIT_EXCEEDED, message };
  return { code: SERVER_ERROR, message };
}

/** In words, where the data are one of the errors that compilers and modules make. */
function revertReason(data: Hex): string | undefined {
  try {
    const { errorName, args } = decodeErrorResult({ abi: errorAbi, data });
    return errorName === "ModuleError" ? args.join(": ") : String(args?.[0]);
  } catch {
    // A contract's own error, which only its callers can read.
    return undefined;
  }
}
