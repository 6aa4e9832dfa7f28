import { s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import type { NameValue, ObjectHead, ObjectRecord } from "../index/records.ts";
import { quoteETag } from "./conditions.ts";
import { formatHTTPDate } from "./http-date.ts";
import { parseTagHeader } from "./tags.ts";

const KEPT_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
  "x-amz-website-redirect-location",
] as const;

const METADATA_PREFIX = "x-amz-meta-";
const METADATA_BYTES_MAX = 2048;

/** @throws S3Error `MetadataTooLarge`, `InvalidTag`, `InvalidArgument` */
export function readObjectHead(headers: HeaderMap, storageClass: string): ObjectHead {
  return {
    storageClass,
    headers: KEPT_HEADERS.flatMap((name) => {
      const value = keptValue(name, headers.get(name));
      return value === undefined ? [] : [{ name, value }];
    }),
    metadata: readMetadata(headers),
    tags: parseTagHeader(headers.get("x-amz-tagging")),
  };
}

/** What GET and HEAD say of an object; the size of what follows is theirs to add. */
export function objectHeaders({
  head,
  etag,
  modifiedMs,
}: ObjectRecord): Readonly<Record<string, string | undefined>> {
  return {
    "content-type": "binary/octet-stream",
    ...Object.fromEntries(head.headers.map(({ name, value }) => [name, value])),
    ...Object.fromEntries(head.metadata.map((m) => [`${METADATA_PREFIX}${m.name}`, m.value])),
    "accept-ranges": "bytes",
    etag: quoteETag(etag),
    "last-modified": formatHTTPDate(modifiedMs),
    "x-amz-storage-class": head.storageClass === "STANDARD" ? undefined : head.storageClass,
    "x-amz-tagging-count": head.tags.length === 0 ? undefined : String(head.tags.length),
  };
}

/** `aws-chunked` is the framing of the request, not an encoding of the object. */
function keptValue(name: string, value: string | undefined): string | undefined {
  if (name !== "content-encoding" || value === undefined) return value;
  const codings = value.split(",").map((coding) => coding.trim());
  const kept = codings.filter((coding) => coding.toLowerCase() !== "aws-chunked" && coding !== "");
  return kept.length === 0 ? undefined : kept.join(",");
}

function readMetadata(headers: HeaderMap): readonly NameValue[] {
  const metadata = [...headers]
    .filter(([name]) => name.startsWith(METADATA_PREFIX))
    .map(([name, value]) => ({ name: name.slice(METADATA_PREFIX.length), value }));
  const sizeBytes = metadata.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  if (sizeBytes > METADATA_BYTES_MAX) throw s3Error("MetadataTooLarge");
  return metadata;
}
