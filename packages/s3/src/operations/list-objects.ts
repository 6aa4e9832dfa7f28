import { decode } from "@cess/codec/codec";
import { invalidArgument } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import { xmlResponse } from "../http/response.ts";
import { encodeURIPath } from "../http/uri.ts";
import { keyOf } from "../index/keys.ts";
import { type ListEntry, type ListedKey, type ListPage, listPage } from "../index/listing.ts";
import type { MetaReader } from "../index/meta-store.ts";
import { type Bucket, objectCodec } from "../index/records.ts";
import type { XMLValue } from "../xml.ts";
import { quoteETag } from "./conditions.ts";
import { formatISODate } from "./http-date.ts";
import { type Operation, ownBucket } from "./operation.ts";

const KEYS_MAX = 1000;

export const listObjectsV1: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const { request } = call;
  const query = readListQuery(request, "max-keys");
  const marker = request.parameter("marker") ?? "";
  const page = list(deps.metaReader, bucket, { ...query, after: marker });
  const last = page.entries.at(-1)?.name;
  const hasNextMarker = page.isTruncated && query.delimiter !== "";
  return xmlResponse("ListBucketResult", {
    Name: bucket.name,
    Prefix: query.encode(query.prefix),
    Marker: query.encode(marker),
    NextMarker: hasNextMarker && last !== undefined ? query.encode(last) : undefined,
    ...formatPage(page, query),
    Contents: keysOf(page).map((entry) => formatObject(entry, query, true)),
    CommonPrefixes: prefixesOf(page, query),
  });
};

export const listObjectsV2: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const { request } = call;
  const listType = request.parameter("list-type") ?? "";
  if (listType !== "2") throw invalidArgument("list-type", listType);
  const query = readListQuery(request, "max-keys");
  const token = request.parameter("continuation-token");
  const startAfter = request.parameter("start-after");
  const after = token === undefined ? (startAfter ?? "") : readToken(token);
  const page = list(deps.metaReader, bucket, { ...query, after });
  const last = page.entries.at(-1)?.name ?? "";
  const withOwner = request.parameter("fetch-owner") === "true";
  return xmlResponse("ListBucketResult", {
    Name: bucket.name,
    Prefix: query.encode(query.prefix),
    StartAfter: startAfter === undefined ? undefined : query.encode(startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.isTruncated ? writeToken(last) : undefined,
    KeyCount: page.entries.length,
    ...formatPage(page, query),
    Contents: keysOf(page).map((entry) => formatObject(entry, query, withOwner)),
    CommonPrefixes: prefixesOf(page, query),
  });
};

export interface ListRequest {
  readonly prefix: string;
  readonly delimiter: string;
  readonly countMax: number;
  readonly hasDelimiter: boolean;
  readonly encodingType: string | undefined;
  /** As `encoding-type` asks. */
  readonly encode: (text: string) => string;
}

/** What all listings have in common. */
export function readListQuery(request: S3Request, countParameter: string): ListRequest {
  const encodingType = request.parameter("encoding-type");
  if (encodingType !== undefined && encodingType.toLowerCase() !== "url") {
    throw invalidArgument("encoding-type", encodingType, "Invalid Encoding Method specified");
  }
  const delimiter = request.parameter("delimiter") ?? "";
  return {
    prefix: request.parameter("prefix") ?? "",
    delimiter,
    hasDelimiter: delimiter !== "",
    countMax: readCount(request.parameter(countParameter), countParameter),
    encodingType,
    encode: encodingType === undefined ? (text) => text : encodeURIPath,
  };
}

export function prefixesOf(page: ListPage, query: ListRequest): XMLValue {
  return page.entries
    .filter((entry) => entry.kind === "prefix")
    .map(({ name }) => ({ Prefix: query.encode(name) }));
}

export function keysOf(page: ListPage): readonly ListedKey[] {
  return page.entries.filter((entry: ListEntry): entry is ListedKey => entry.kind === "key");
}

function list(
  reader: MetaReader,
  bucket: Bucket,
  query: ListRequest & { readonly after: string },
): ListPage {
  return listPage(reader, { ...query, scope: keyOf("object", bucket.id) });
}

function formatPage(page: ListPage, query: ListRequest): { readonly [name: string]: XMLValue } {
  return {
    MaxKeys: query.countMax,
    Delimiter: query.hasDelimiter ? query.encode(query.delimiter) : undefined,
    EncodingType: query.encodingType,
    IsTruncated: page.isTruncated,
  };
}

function formatObject(entry: ListedKey, query: ListRequest, withOwner: boolean): XMLValue {
  const record = decode(objectCodec, entry.value);
  return {
    Key: query.encode(entry.name),
    LastModified: formatISODate(record.modifiedMs),
    ETag: quoteETag(record.etag),
    ChecksumAlgorithm: record.checksum?.algorithm,
    ChecksumType: record.checksum?.type,
    Size: record.sizeBytes,
    Owner: withOwner ? { ID: record.owner, DisplayName: record.owner } : undefined,
    StorageClass: record.head.storageClass,
  };
}

function readCount(text: string | undefined, parameter: string): number {
  if (text === undefined || text === "") return KEYS_MAX;
  const count = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (count < 0 || count > 2_147_483_647) {
    throw invalidArgument(parameter, text, `Argument ${parameter} must be a whole number.`);
  }
  return Math.min(count, KEYS_MAX);
}

/** The token is the last entry of the page before. */
function writeToken(name: string): string {
  return Buffer.from(`1${name}`).toString("base64url");
}

function readToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString("utf8");
  const isOurs = text.startsWith("1") && writeToken(text.slice(1)) === token;
  if (isOurs) return text.slice(1);
  throw invalidArgument("continuation-token", token, "The continuation token is incorrect");
}
