import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";

export type RPCErrorDetail =
  | { readonly code: "JSON_MALFORMED" }
  | { readonly code: "REQUEST_INVALID"; readonly reason: string }
  | { readonly code: "METHOD_UNKNOWN"; readonly method: string }
  | { readonly code: "PARAMS_INVALID"; readonly reason: string }
  | { readonly code: "NOT_FOUND"; readonly what: string }
  | { readonly code: "LIMIT_EXCEEDED"; readonly reason: string };

/** A request that this server does not answer. */
export class RPCError extends CodedError<RPCErrorDetail> {
  constructor(detail: RPCErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

/** `error` member of a JSON-RPC response. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: Hex;
}

function describe(detail: RPCErrorDetail): string {
  switch (detail.code) {
    case "JSON_MALFORMED":
      return "parse error";
    case "REQUEST_INVALID":
      return `invalid request: ${detail.reason}`;
    case "METHOD_UNKNOWN":
      return `the method ${detail.method} does not exist/is not available`;
    case "PARAMS_INVALID":
      return `invalid params: ${detail.reason}`;
    case "NOT_FOUND":
      return `${detail.what} not found`;
    case "LIMIT_EXCEEDED":
      return `limit exceeded: ${detail.reason}`;
  }
}

/** @see https://www.jsonrpc.org/specification and https://eips.ethereum.org/EIPS/eip-1474 */
export const ERROR_NUMBERS: Readonly<Record<RPCErrorDetail["code"], number>> = {
  JSON_MALFORMED: -32700,
  REQUEST_INVALID: -32600,
  METHOD_UNKNOWN: -32601,
  PARAMS_INVALID: -32602,
  NOT_FOUND: -32001,
  LIMIT_EXCEEDED: -32005,
};
