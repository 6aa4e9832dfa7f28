/**
 * Conditional requests, in the order of precedence of RFC 9110 §13.2.2.
 * @module
 */
import { S3Error, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import { noSuchKey, type Precondition } from "../index/objects.ts";
import type { ObjectRecord } from "../index/records.ts";
import { formatHTTPDate, parseHTTPDate } from "./http-date.ts";

type Validators = Pick<ObjectRecord, "etag" | "modifiedMs">;

/** @throws S3Error `PreconditionFailed`, `NotModified` */
export function checkRead(headers: HeaderMap, object: Validators): void {
  switch (evaluate(headers, object, "")) {
    case "holds":
      return;
    case "failed":
      throw s3Error("PreconditionFailed");
    case "unchanged": {
      const validators = {
        etag: quoteETag(object.etag),
        "last-modified": formatHTTPDate(object.modifiedMs),
      };
      throw new S3Error({ code: "NotModified", headers: validators });
    }
  }
}

/** The `x-amz-copy-source-if-*` headers. @throws S3Error `PreconditionFailed` */
export function checkCopySource(headers: HeaderMap, source: Validators): void {
  const outcome = evaluate(headers, source, "x-amz-copy-source-");
  if (outcome !== "holds") throw s3Error("PreconditionFailed");
}

/** `If-Match` and `If-None-Match` of a write, to be checked in its transaction. */
export function writePrecondition(headers: HeaderMap, key: string): Precondition {
  const ifMatch = headers.get("if-match");
  const ifNoneMatch = headers.get("if-none-match");
  return (existing) => {
    if (ifMatch !== undefined) {
      if (existing === undefined) throw noSuchKey(key);
      if (!matchesETag(ifMatch, existing.etag)) throw s3Error("PreconditionFailed");
    }
    if (ifNoneMatch !== undefined && existing !== undefined) {
      if (matchesETag(ifNoneMatch, existing.etag)) throw s3Error("PreconditionFailed");
    }
  };
}

/** True if a range may be served: `If-Range` is absent, or names the object as it is. */
export function rangeApplies(headers: HeaderMap, object: Validators): boolean {
  const condition = headers.get("if-range");
  if (condition === undefined) return true;
  const dateMs = parseHTTPDate(condition);
  if (dateMs !== undefined) return seconds(object.modifiedMs) <= seconds(dateMs);
  return matchesETag(condition, object.etag);
}

export function quoteETag(etag: string): string {
  return `"${etag}"`;
}

/** The tag without quotes, as clients send it in documents. */
export function unquoteETag(text: string): string {
  return text
    .trim()
    .replace(/^W\//, "")
    .replace(/^"(.*)"$/, "$1");
}

function evaluate(
  headers: HeaderMap,
  { etag, modifiedMs }: Validators,
  prefix: string,
): "holds" | "failed" | "unchanged" {
  const ifMatch = headers.get(`${prefix}if-match`);
  const unmodifiedSinceMs = parseHTTPDate(headers.get(`${prefix}if-unmodified-since`));
  if (ifMatch !== undefined) {
    if (!matchesETag(ifMatch, etag)) return "failed";
  } else if (unmodifiedSinceMs !== undefined) {
    if (seconds(modifiedMs) > seconds(unmodifiedSinceMs)) return "failed";
  }
  const ifNoneMatch = headers.get(`${prefix}if-none-match`);
  const modifiedSinceMs = parseHTTPDate(headers.get(`${prefix}if-modified-since`));
  if (ifNoneMatch !== undefined) return matchesETag(ifNoneMatch, etag) ? "unchanged" : "holds";
  if (modifiedSinceMs === undefined) return "holds";
  return seconds(modifiedMs) <= seconds(modifiedSinceMs) ? "unchanged" : "holds";
}

function matchesETag(condition: string, etag: string): boolean {
  if (condition.trim() === "*") return true;
  return condition.split(",").some((candidate) => unquoteETag(candidate) === etag);
}

/** HTTP dates have no smaller unit. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
