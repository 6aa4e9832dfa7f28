import { S3Error, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import { emptyResponse, type S3Response } from "../http/response.ts";
import { parseXML, type XMLElement } from "../xml.ts";
import { readDocument } from "./documents.ts";
import { type Operation, ownBucket } from "./operation.ts";

export interface CORSRule {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds: string | undefined;
}

const RULES_MAX = 100;
const METHODS: readonly string[] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

export const putBucketCORS: Operation = async (deps, call) => {
  const bucket = ownBucket(deps, call);
  const document = await readDocument(call);
  parseCORS(document);
  await deps.buckets.changeSetting(bucket, "cors", document);
  return emptyResponse(200);
};

export const getBucketCORS: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const document = deps.buckets.setting(bucket, "cors");
  if (document === undefined) {
    throw new S3Error({ code: "NoSuchCORSConfiguration", fields: { BucketName: bucket.name } });
  }
  const body = Buffer.from(document).toString("utf8");
  return { status: 200, headers: { "content-type": "application/xml" }, body };
};

export const deleteBucketCORS: Operation = async (deps, call) => {
  await deps.buckets.changeSetting(ownBucket(deps, call), "cors", undefined);
  return emptyResponse(204);
};

/** @throws S3Error `MalformedXML`, `InvalidRequest` */
export function parseCORS(document: Uint8Array): readonly CORSRule[] {
  const rules = parseXML(document, "CORSConfiguration").children("CORSRule").map(parseRule);
  if (rules.length === 0 || rules.length > RULES_MAX) throw s3Error("MalformedXML");
  return rules;
}

/**
 * Answers a preflight request from the bucket's rules. It carries no signature, and says nothing
 * about the bucket but what its owner chose to say to browsers.
 *
 * @throws S3Error `AccessDenied` if no rule allows what the browser wants to do.
 */
export function preflight(rules: readonly CORSRule[], headers: HeaderMap): S3Response {
  const origin = headers.get("origin");
  const method = headers.get("access-control-request-method");
  if (origin === undefined || method === undefined) {
    throw s3Error("BadRequest", "Insufficient information. Origin request header needed.");
  }
  const wanted = listOf(headers.get("access-control-request-headers"));
  const rule = rules.find(
    (candidate) =>
      allowsOrigin(candidate, origin) &&
      candidate.methods.includes(method) &&
      wanted.every((name) => candidate.headers.some((pattern) => matches(pattern, name))),
  );
  if (rule === undefined) {
    throw s3Error("AccessDenied", "CORSResponse: This CORS request is not allowed.");
  }
  return {
    status: 200,
    headers: {
      ...corsHeaders(rule, origin),
      "access-control-allow-headers": wanted.length === 0 ? undefined : wanted.join(", "),
      "access-control-max-age": rule.maxAgeSeconds,
      "content-length": "0",
    },
  };
}

/** Headers that let a page of `origin` read an answer; none if no rule is for it. */
export function corsHeadersFor(
  rules: readonly CORSRule[],
  headers: HeaderMap,
  method: string,
): Readonly<Record<string, string | undefined>> {
  const origin = headers.get("origin");
  if (origin === undefined) return {};
  const rule = rules.find((each) => allowsOrigin(each, origin) && each.methods.includes(method));
  return rule === undefined ? {} : corsHeaders(rule, origin);
}

function corsHeaders(rule: CORSRule, origin: string): Record<string, string | undefined> {
  const isOpen = rule.origins.includes("*");
  return {
    "access-control-allow-origin": isOpen ? "*" : origin,
    "access-control-allow-methods": rule.methods.join(", "),
    "access-control-allow-credentials": isOpen ? undefined : "true",
    "access-control-expose-headers":
      rule.exposed.length === 0 ? undefined : rule.exposed.join(", "),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}

function parseRule(element: XMLElement): CORSRule {
  const texts = (name: string) => element.children(name).map(({ text }) => text.trim());
  const rule = {
    origins: texts("AllowedOrigin"),
    methods: texts("AllowedMethod"),
    headers: texts("AllowedHeader"),
    exposed: texts("ExposeHeader"),
    maxAgeSeconds: element.textOf("MaxAgeSeconds")?.trim(),
  };
  if (rule.origins.length === 0 || rule.methods.length === 0) throw s3Error("MalformedXML");
  const badMethod = rule.methods.find((method) => !METHODS.includes(method));
  if (badMethod !== undefined) {
    throw s3Error("InvalidRequest", `Found unsupported HTTP method in CORS config: ${badMethod}`);
  }
  const badPattern = [...rule.origins, ...rule.headers].find((p) => p.split("*").length > 2);
  if (badPattern !== undefined) {
    throw s3Error("InvalidRequest", `"${badPattern}" can not have more than one wildcard.`);
  }
  if (rule.exposed.some((name) => !/^[\w-]+$/.test(name))) throw s3Error("InvalidRequest");
  if (rule.maxAgeSeconds !== undefined && !/^\d{1,9}$/.test(rule.maxAgeSeconds)) {
    throw s3Error("MalformedXML");
  }
  return rule;
}

function allowsOrigin(rule: CORSRule, origin: string): boolean {
  return rule.origins.some((pattern) => matches(pattern, origin));
}

/** At most one `*`, for any run of characters; letters are compared without case. */
function matches(pattern: string, text: string): boolean {
  const [before = "", after] = pattern.toLowerCase().split("*");
  const name = text.toLowerCase();
  if (after === undefined) return name === before;
  const isLong = name.length >= before.length + after.length;
  return isLong && name.startsWith(before) && name.endsWith(after);
}

function listOf(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").flatMap((name) => name.trim().toLowerCase() || []);
}
