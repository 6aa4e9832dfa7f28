import { decode } from "@cess/codec/codec";
import { concatBytes } from "@cess/std/bytes";
import { checksumElement } from "../body/checksum.ts";
import { invalidArgument } from "../error.ts";
import { xmlResponse } from "../http/response.ts";
import { ID_BYTES, keyOf } from "../index/keys.ts";
import { listPage } from "../index/listing.ts";
import { uploadCodec } from "../index/records.ts";
import { parseUploadKey } from "../index/upload-records.ts";
import { quoteETag } from "./conditions.ts";
import { formatISODate } from "./http-date.ts";
import { keysOf, prefixesOf, readListQuery } from "./list-objects.ts";
import { formatUploadId, ownUpload, parseUploadId } from "./multipart.ts";
import { type Operation, ownBucket } from "./operation.ts";

const PARTS_LISTED_MAX = 1000;
/** A zero byte and the upload id follow the object key. */
const SUFFIX_BYTES = 1 + ID_BYTES;

export const listMultipartUploads: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const { request } = call;
  const query = readListQuery(request, "max-uploads");
  const keyMarker = request.parameter("key-marker") ?? "";
  const idMarker = request.parameter("upload-id-marker") ?? "";
  const page = listPage(deps.metaReader, {
    ...query,
    scope: keyOf("upload", bucket.id),
    after: keyMarker,
    suffixBytes: SUFFIX_BYTES,
    ...(keyMarker !== "" && idMarker !== "" ? { afterSuffix: readIdMarker(idMarker) } : {}),
  });
  const uploads = keysOf(page).map((entry) => ({ entry, ...parseUploadKey(entry.stored) }));
  const last = page.entries.at(-1);
  const lastId = last?.kind === "key" ? uploads.at(-1)?.uploadId : undefined;
  return xmlResponse("ListMultipartUploadsResult", {
    Bucket: bucket.name,
    KeyMarker: query.encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: page.isTruncated ? query.encode(last?.name ?? "") : undefined,
    NextUploadIdMarker:
      page.isTruncated && lastId !== undefined ? formatUploadId(lastId) : undefined,
    Prefix: query.encode(query.prefix),
    Delimiter: query.hasDelimiter ? query.encode(query.delimiter) : undefined,
    EncodingType: query.encodingType,
    MaxUploads: query.countMax,
    IsTruncated: page.isTruncated,
    Upload: uploads.map(({ entry, key, uploadId }) => {
      const record = decode(uploadCodec, entry.value);
      return {
        Key: query.encode(key),
        UploadId: formatUploadId(uploadId),
        ...ownerElements(record.owner),
        StorageClass: record.head.storageClass,
        Initiated: formatISODate(record.initiatedMs),
        ChecksumAlgorithm: record.checksumAlgorithm,
        ChecksumType: record.checksumAlgorithm && record.checksumType,
      };
    }),
    CommonPrefixes: prefixesOf(page, query),
  });
};

export const listParts: Operation = (deps, call) => {
  const address = ownUpload(deps, call);
  const { request } = call;
  const upload = deps.uploads.get(address);
  const marker = readNumber(request.parameter("part-number-marker"), "part-number-marker", 0);
  const countMax = Math.min(
    readNumber(request.parameter("max-parts"), "max-parts", PARTS_LISTED_MAX),
    PARTS_LISTED_MAX,
  );
  const parts = [...deps.uploads.parts(address.uploadId, marker)];
  const page = parts.slice(0, countMax);
  const isTruncated = countMax > 0 && parts.length > page.length;
  return xmlResponse("ListPartsResult", {
    Bucket: address.bucket.name,
    Key: address.key,
    UploadId: formatUploadId(address.uploadId),
    ...ownerElements(upload.owner),
    StorageClass: upload.head.storageClass,
    PartNumberMarker: marker,
    NextPartNumberMarker: isTruncated ? page.at(-1)?.number : undefined,
    MaxParts: countMax,
    IsTruncated: isTruncated,
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumAlgorithm && upload.checksumType,
    Part: page.map(({ number, part }) => ({
      PartNumber: number,
      LastModified: formatISODate(part.modifiedMs),
      ETag: quoteETag(part.etag),
      Size: part.sizeBytes,
      ...(part.checksum && { [checksumElement(part.checksum.algorithm)]: part.checksum.value }),
    })),
  });
};

function ownerElements(account: string) {
  const party = { ID: account, DisplayName: account };
  return { Initiator: party, Owner: party };
}

function readIdMarker(text: string): Uint8Array {
  const uploadId = parseUploadId(text);
  if (uploadId === undefined) throw invalidArgument("upload-id-marker", text);
  return concatBytes(Uint8Array.of(0), uploadId);
}

function readNumber(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined || text === "") return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw invalidArgument(name, text);
  return Math.min(Number(text), 10_000);
}
