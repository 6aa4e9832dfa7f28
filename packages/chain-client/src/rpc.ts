import { type Hex, hexToBytes } from "@cess/std/bytes";
import { decodeErrorResult, http, parseAbi } from "viem";
import { ChainError } from "./error.ts";

/** One JSON-RPC request, typed where it is made. */
export type Rpc = <Result>(method: string, params: readonly unknown[]) => Promise<Result>;

const ERROR_ABI = parseAbi([
  "error ModuleError(string code, string detail)",
  "error Error(string reason)",
]);
const TIMEOUT_MS = 20_000;

/** @throws {@link ChainError} from every request: `MODULE_REFUSED`, `CALL_REVERTED`, `RPC_FAILED`. */
export function createRpc(rpcUrl: string): Rpc {
  const { request } = http(rpcUrl, { retryCount: 2, retryDelay: 100, timeout: TIMEOUT_MS })({});
  return async <Result>(method: string, params: readonly unknown[]): Promise<Result> => {
    try {
      return (await request({ method, params } as Parameters<typeof request>[0])) as Result;
    } catch (cause) {
      throw toChainError(method, cause);
    }
  };
}

/** Text of the node's refusal, for the few that only their text tells apart. */
export function rpcMessage(cause: unknown): string {
  const parts: string[] = [];
  for (let at = cause; at instanceof Error; at = at.cause) parts.push(at.message);
  return parts.join(" ").toLowerCase();
}

function toChainError(method: string, cause: unknown): ChainError {
  const data = revertData(cause);
  if (data !== undefined) return refusal(method, data, cause);
  if (rpcMessage(cause).includes("execution reverted")) {
    return new ChainError({ code: "CALL_REVERTED", call: method }, { cause });
  }
  return new ChainError({ code: "RPC_FAILED", method }, { cause });
}

function refusal(call: string, data: Hex, cause: unknown): ChainError {
  try {
    const { errorName, args } = decodeErrorResult({ abi: ERROR_ABI, data });
    const [moduleCode, reason] = errorName === "ModuleError" ? args : ["REVERTED", args[0]];
    return new ChainError({ code: "MODULE_REFUSED", moduleCode, reason }, { cause });
  } catch {
    // Data of a contract that is not ours: there is nothing in it that we could name.
    return new ChainError({ code: "CALL_REVERTED", call }, { cause });
  }
}

/** Revert data, which nodes put in `data` or in `data.data` of the error object. */
function revertData(cause: unknown): Hex | undefined {
  for (let at = cause; at instanceof Error; at = at.cause) {
    const { data } = at as { data?: unknown };
    const inner =
      typeof data === "object" && data !== null ? (data as { data?: unknown }).data : data;
    if (typeof inner === "string" && inner.length >= 10 && isHex(inner)) return inner;
  }
  return undefined;
}

function isHex(text: string): text is Hex {
  try {
    return text.startsWith("0x") && hexToBytes(text).length > 0;
  } catch {
    // Not hex: some nodes put prose there.
    return false;
  }
}
