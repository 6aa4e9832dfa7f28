import { CodedError } from "@cess/std/error";

export type ApiErrorCode =
  | "REQUEST_MALFORMED"
  | "TICKET_MISSING"
  | "TICKET_MALFORMED"
  | "TICKET_AUDIENCE"
  | "TICKET_EXPIRED"
  | "TICKET_LIFETIME"
  | "TICKET_RIGHTS"
  | "TICKET_SIGNER"
  | "NOT_FOUND"
  | "FRAGMENT_NOT_FOUND"
  | "FRAGMENT_LOST"
  | "METHOD_NOT_ALLOWED"
  | "PLACEMENT_INVALID"
  | "EXPIRY_INVALID"
  | "FRAGMENT_CLAIMED"
  | "NOT_OWNER"
  | "BODY_TOO_LARGE"
  | "RANGE_UNSATISFIABLE"
  | "PATH_INVALID"
  | "FILE_INVALID"
  | "MAC_INVALID"
  | "BODY_TRUNCATED"
  | "BUSY"
  | "DISK_FULL"
  | "INTERNAL";

/** Every refusal of the HTTP interfaces, with its status. @see docs/spec/fragment-api.md */
export const API_STATUS: Readonly<Record<ApiErrorCode, number>> = {
  REQUEST_MALFORMED: 400,
  TICKET_MISSING: 401,
  TICKET_MALFORMED: 401,
  TICKET_AUDIENCE: 401,
  TICKET_EXPIRED: 401,
  TICKET_LIFETIME: 401,
  TICKET_RIGHTS: 401,
  TICKET_SIGNER: 401,
  NOT_FOUND: 404,
  FRAGMENT_NOT_FOUND: 404,
  FRAGMENT_LOST: 410,
  METHOD_NOT_ALLOWED: 405,
  PLACEMENT_INVALID: 409,
  EXPIRY_INVALID: 409,
  FRAGMENT_CLAIMED: 409,
  NOT_OWNER: 403,
  BODY_TOO_LARGE: 413,
  RANGE_UNSATISFIABLE: 416,
  PATH_INVALID: 422,
  FILE_INVALID: 422,
  MAC_INVALID: 422,
  BODY_TRUNCATED: 400,
  BUSY: 503,
  DISK_FULL: 507,
  INTERNAL: 500,
};

/** JSON body of a refusal. */
export interface ApiErrorBody {
  readonly code: ApiErrorCode;
  readonly message: string;
}

export function isApiErrorCode(code: string): code is ApiErrorCode {
  return Object.hasOwn(API_STATUS, code);
}

export interface ApiErrorDetail {
  readonly code: ApiErrorCode;
  readonly reason: string;
}

/** A refusal on its way to the client. */
export class ApiError extends CodedError<ApiErrorDetail> {
  constructor(code: ApiErrorCode, reason: string, options?: ErrorOptions) {
    super({ code, reason }, reason, options);
  }
}
