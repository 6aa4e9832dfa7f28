import { checksumElement } from "../body/checksum.ts";
import { invalidArgument } from "../error.ts";
import { xmlResponse } from "../http/response.ts";
import type { ObjectRecord } from "../index/records.ts";
import type { XMLValue } from "../xml.ts";
import { checksumElements } from "./checksum-headers.ts";
import { checkRead } from "./conditions.ts";
import { formatHTTPDate } from "./http-date.ts";
import { type Operation, type OperationDeps, ownObject } from "./operation.ts";

const ATTRIBUTES = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] as const;
const PARTS_LISTED_MAX = 1000;

export const getObjectAttributes: Operation = (deps, call) => {
  const { headers } = call.request;
  const record = deps.objects.get(ownObject(deps, call));
  checkRead(headers, record);
  const names = (headers.get("x-amz-object-attributes") ?? "")
    .split(",")
    .map((name) => name.trim());
  const unknown = names.find((name) => !(ATTRIBUTES as readonly string[]).includes(name));
  if (unknown !== undefined) throw invalidArgument("x-amz-object-attributes", unknown);
  const wants = (name: (typeof ATTRIBUTES)[number]) => names.includes(name);
  const { checksum } = record;
  return xmlResponse(
    "GetObjectAttributesResponse",
    {
      ETag: wants("ETag") ? record.etag : undefined,
      Checksum: wants("Checksum") && checksum ? checksumElements(checksum) : undefined,
      ObjectParts: wants("ObjectParts")
        ? partElements(deps, record, {
            marker: readNumber(headers.get("x-amz-part-number-marker"), 0),
            countMax: readNumber(headers.get("x-amz-max-parts"), PARTS_LISTED_MAX),
          })
        : undefined,
      StorageClass: wants("StorageClass") ? record.head.storageClass : undefined,
      ObjectSize: wants("ObjectSize") ? record.sizeBytes : undefined,
    },
    { "last-modified": formatHTTPDate(record.modifiedMs) },
  );
};

function partElements(
  { objects }: OperationDeps,
  { body, checksum }: ObjectRecord,
  { marker, countMax }: { readonly marker: number; readonly countMax: number },
): XMLValue {
  if (body.kind !== "parts") return undefined;
  // Without checksums S3 tells no more than their number.
  if (checksum === undefined) return { PartsCount: body.count };
  const parts = [...objects.parts(body.partsId, marker)];
  const page = parts.slice(0, Math.min(countMax, PARTS_LISTED_MAX));
  const isTruncated = parts.length > page.length;
  return {
    PartsCount: body.count,
    PartNumberMarker: marker,
    NextPartNumberMarker: isTruncated ? page.at(-1)?.number : undefined,
    MaxParts: countMax,
    IsTruncated: isTruncated,
    Part: page.map(({ number, part }) => ({
      PartNumber: number,
      Size: part.sizeBytes,
      ...(part.checksum && { [checksumElement(part.checksum.algorithm)]: part.checksum.value }),
    })),
  };
}

function readNumber(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : otherwise;
}
