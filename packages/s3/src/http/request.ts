import { s3Error } from "../error.ts";
import type { HeaderMap } from "./headers.ts";
import { decodeURIText, parseQuery, type QueryParameter } from "./uri.ts";

/** A request whose address is understood; nothing of it is trusted yet. */
export interface S3Request {
  readonly method: string;
  /** Path as decoded from the request line, with the bucket only if it stands there. */
  readonly path: string;
  readonly query: readonly QueryParameter[];
  readonly headers: HeaderMap;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** Value of the first query parameter of that name. */
  parameter(name: string): string | undefined;
}

export interface RawRequest {
  readonly method: string;
  /** Request target as it came. */
  readonly target: string;
  readonly headers: HeaderMap;
}

const KEY_BYTES_MAX = 1024;

/**
 * Reads path-style and virtual-hosted-style addresses.
 *
 * @param baseDomains - `bucket.<domain>` names a bucket for each of these.
 * @throws S3Error `InvalidURI`, `KeyTooLongError`
 */
export function parseRequest(raw: RawRequest, baseDomains: readonly string[]): S3Request {
  const { path: rawPath, query: rawQuery } = splitTarget(raw.target);
  const path = decodeURIText(rawPath);
  const query = parseQuery(rawQuery);
  const { bucket, key } = locate(path, hostBucket(raw.headers.get("host"), baseDomains));
  if (key !== undefined && Buffer.byteLength(key) > KEY_BYTES_MAX) throw s3Error("KeyTooLongError");
  return {
    method: raw.method,
    path,
    query,
    headers: raw.headers,
    bucket,
    key,
    parameter: (name) => query.find((parameter) => parameter.name === name)?.value,
  };
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const origin = /^https?:\/\/[^/?]*/i.exec(target)?.[0] ?? "";
  const local = target.slice(origin.length);
  const at = local.indexOf("?");
  const path = at < 0 ? local : local.slice(0, at);
  if (path !== "" && !path.startsWith("/")) throw s3Error("InvalidURI");
  return { path: path === "" ? "/" : path, query: at < 0 ? "" : local.slice(at + 1) };
}

function hostBucket(host: string | undefined, domains: readonly string[]): string | undefined {
  const name = host?.toLowerCase().replace(/:\d+$/, "") ?? "";
  const domain = domains.find((base) => name.endsWith(`.${base}`));
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}

function locate(
  path: string,
  bucketOfHost: string | undefined,
): { readonly bucket: string | undefined; readonly key: string | undefined } {
  const rest = path.slice(1);
  if (bucketOfHost !== undefined) return { bucket: bucketOfHost, key: rest || undefined };
  const at = rest.indexOf("/");
  if (at < 0) return { bucket: rest || undefined, key: undefined };
  return { bucket: rest.slice(0, at), key: rest.slice(at + 1) || undefined };
}
