import { decode } from "@cess/codec/codec";
import { invalidArgument } from "../error.ts";
import { xmlResponse } from "../http/response.ts";
import { keyOf } from "../index/keys.ts";
import { listPage } from "../index/listing.ts";
import { objectCodec } from "../index/records.ts";
import { quoteETag } from "./conditions.ts";
import { formatISODate } from "./http-date.ts";
import { keysOf, prefixesOf, readListQuery } from "./list-objects.ts";
import { type Operation, ownBucket } from "./operation.ts";

/** While versioning has never been turned on, each object is its one version, named `null`. */
const ONLY_VERSION = "null";

export const listObjectVersions: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const { request } = call;
  const query = readListQuery(request, "max-keys");
  const keyMarker = request.parameter("key-marker") ?? "";
  const versionMarker = request.parameter("version-id-marker");
  if (versionMarker && keyMarker === "") {
    const message = "A version-id marker cannot be specified without a key marker.";
    throw invalidArgument("version-id-marker", versionMarker, message);
  }
  const scope = keyOf("object", bucket.id);
  const page = listPage(deps.metaReader, { ...query, scope, after: keyMarker });
  const last = page.entries.at(-1);
  const next = page.isTruncated ? last : undefined;
  return xmlResponse("ListVersionsResult", {
    Name: bucket.name,
    Prefix: query.encode(query.prefix),
    KeyMarker: query.encode(keyMarker),
    VersionIdMarker: versionMarker ?? "",
    NextKeyMarker: next && query.encode(next.name),
    NextVersionIdMarker: next?.kind === "key" ? ONLY_VERSION : undefined,
    MaxKeys: query.countMax,
    Delimiter: query.hasDelimiter ? query.encode(query.delimiter) : undefined,
    EncodingType: query.encodingType,
    IsTruncated: page.isTruncated,
    Version: keysOf(page).map(({ name, value }) => {
      const record = decode(objectCodec, value);
      return {
        Key: query.encode(name),
        VersionId: ONLY_VERSION,
        IsLatest: true,
        LastModified: formatISODate(record.modifiedMs),
        ETag: quoteETag(record.etag),
        ChecksumAlgorithm: record.checksum?.algorithm,
        ChecksumType: record.checksum?.type,
        Size: record.sizeBytes,
        Owner: { ID: record.owner, DisplayName: record.owner },
        StorageClass: record.head.storageClass,
      };
    }),
    CommonPrefixes: prefixesOf(page, query),
  });
};
