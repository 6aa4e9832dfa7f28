import { S3Error } from "./error.ts";
import type { S3Response } from "./http/response.ts";
import { formatXML } from "./xml.ts";

export interface ErrorContext {
  readonly requestId: string;
  readonly resource: string;
}

/** The answer that tells a client what was wrong. What is not an {@link S3Error} stays inside. */
export function errorResponse(cause: unknown, { requestId, resource }: ErrorContext): S3Response {
  const error = cause instanceof S3Error ? cause : new S3Error({ code: "InternalError" });
  const { code, fields, headers } = error.detail;
  if (error.status === 304) return { status: 304, headers: headers ?? {} };
  const document = {
    Code: code,
    Message: error.message,
    ...fields,
    Resource: resource,
    RequestId: requestId,
  };
  return {
    status: error.status,
    headers: { "content-type": "application/xml", ...headers },
    body: formatXML("Error", document, ""),
  };
}
