/**
 * Reads what a request presents to prove who sent it: the Authorization header, or the query
 * parameters of a presigned URL.
 * @module
 */
import { invalidArgument, S3Error, s3Error } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import { ALGORITHM, type CredentialScope } from "./signature.ts";

export interface Presented {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly timestamp: string;
  readonly timestampMs: number;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** How long a presigned URL holds; undefined for the header. */
  readonly expiresSeconds: number | undefined;
}

const EXPIRES_SECONDS_MAX = 604_800;

/** Undefined if the request carries no signature at all. */
export function readPresented(request: S3Request): Presented | undefined {
  const header = request.headers.get("authorization") || undefined;
  const isPresigned = request.parameter("X-Amz-Algorithm") !== undefined;
  const isOldPresigned = request.parameter("AWSAccessKeyId") !== undefined;
  if (header !== undefined && (isPresigned || isOldPresigned)) {
    throw invalidArgument("Authorization", header, "Only one auth mechanism allowed.");
  }
  if (header !== undefined) return readHeader(header, request);
  if (isPresigned) return readQuery(request);
  if (isOldPresigned) throw unsupported();
  return undefined;
}

function readHeader(header: string, request: S3Request): Presented {
  if (!header.startsWith(ALGORITHM)) {
    if (header.startsWith("AWS ") || header.startsWith("AWS4-")) throw unsupported();
    throw invalidArgument("Authorization", header, "Unsupported Authorization Type");
  }
  const fields = new Map<string, string>();
  for (const field of header.slice(ALGORITHM.length).split(",")) {
    const at = field.indexOf("=");
    if (at > 0) fields.set(field.slice(0, at).trim(), field.slice(at + 1).trim());
  }
  const credential = fields.get("Credential");
  const signedHeaders = fields.get("SignedHeaders");
  const signature = fields.get("Signature");
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw s3Error("AuthorizationHeaderMalformed");
  }
  const timestamp = headerTimestamp(request);
  return {
    ...readCredential(credential, timestamp, "AuthorizationHeaderMalformed"),
    timestamp,
    timestampMs: timestampToMs(timestamp),
    signedHeaders: readSignedHeaders(signedHeaders, "AuthorizationHeaderMalformed"),
    signature,
    expiresSeconds: undefined,
  };
}

function readQuery(request: S3Request): Presented {
  const need = (name: string): string => {
    const value = request.parameter(name);
    if (value !== undefined) return value;
    const message = `Query-string authentication requires the ${name} parameter.`;
    throw s3Error("AuthorizationQueryParametersError", message);
  };
  if (need("X-Amz-Algorithm") !== ALGORITHM) {
    const message = `X-Amz-Algorithm only supports "${ALGORITHM}".`;
    throw s3Error("AuthorizationQueryParametersError", message);
  }
  const timestamp = need("X-Amz-Date");
  const expires = need("X-Amz-Expires");
  const expiresSeconds = /^\d{1,7}$/.test(expires) ? Number(expires) : 0;
  if (expiresSeconds < 1 || expiresSeconds > EXPIRES_SECONDS_MAX) {
    const message = `X-Amz-Expires must be from 1 to ${EXPIRES_SECONDS_MAX} seconds.`;
    throw s3Error("AuthorizationQueryParametersError", message);
  }
  const timestampMs = timestampToMs(timestamp);
  if (Number.isNaN(timestampMs)) {
    const message = "X-Amz-Date must be formatted as \"yyyyMMdd'T'HHmmss'Z'\".";
    throw s3Error("AuthorizationQueryParametersError", message);
  }
  return {
    ...readCredential(need("X-Amz-Credential"), timestamp, "AuthorizationQueryParametersError"),
    timestamp,
    timestampMs,
    signedHeaders: readSignedHeaders(
      need("X-Amz-SignedHeaders"),
      "AuthorizationQueryParametersError",
    ),
    signature: need("X-Amz-Signature"),
    expiresSeconds,
  };
}

type MalformedCode = "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError";

function readCredential(
  text: string,
  timestamp: string,
  malformed: MalformedCode,
): { readonly accessKeyId: string; readonly scope: CredentialScope } {
  const fields = text.split("/");
  const [date, region, service, terminator] = fields.slice(-4);
  const accessKeyId = fields.slice(0, -4).join("/");
  if (
    accessKeyId === "" ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator !== "aws4_request"
  ) {
    throw s3Error(malformed, "The credential is not <key>/<date>/<region>/s3/aws4_request.");
  }
  if (service !== "s3") throw s3Error(malformed, 'The credential\'s service must be "s3".');
  if (!timestamp.startsWith(date)) {
    throw s3Error(malformed, "The credential's date is not that of the request.");
  }
  return { accessKeyId, scope: { date, region, service } };
}

function readSignedHeaders(text: string, malformed: MalformedCode): readonly string[] {
  const names = text.split(";").map((name) => name.toLowerCase());
  const isOrdered = names.every((name, index) => index === 0 || (names[index - 1] ?? "") < name);
  if (!isOrdered || !names.includes("host")) {
    throw s3Error(malformed, "SignedHeaders must be sorted, without repeats, and contain host.");
  }
  return names;
}

/** From `x-amz-date`, or else from `date`, which is an HTTP date. */
function headerTimestamp(request: S3Request): string {
  const own = request.headers.get("x-amz-date");
  const date = request.headers.get("date");
  if (own !== undefined && !Number.isNaN(timestampToMs(own))) return own;
  const ms = own === undefined && date !== undefined ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new S3Error(
      { code: "AccessDenied" },
      "AWS authentication requires a valid Date or x-amz-date header.",
    );
  }
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

/** NaN if `timestamp` is not `yyyymmddThhmmssZ`. */
function timestampToMs(timestamp: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function unsupported(): S3Error {
  return s3Error("InvalidRequest", `Please use ${ALGORITHM}.`);
}
