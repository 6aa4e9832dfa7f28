import { asBuffer, bytesToHex } from "@cess/std/bytes";
import { type ChecksumType, isChecksumAlgorithm } from "../body/checksum.ts";
import { defaultChecksumType, isChecksumTypeOf } from "../body/composite.ts";
import type { StoredBytes } from "../content.ts";
import { invalidArgument, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import { emptyResponse, xmlResponse } from "../http/response.ts";
import { ID_BYTES } from "../index/keys.ts";
import type { PartRecord, UploadRecord } from "../index/records.ts";
import type { UploadAddress } from "../index/uploads.ts";
import { checksumHeaders } from "./checksum-headers.ts";
import { quoteETag } from "./conditions.ts";
import { readObjectHead } from "./object-head.ts";
import { type Call, type Operation, type OperationDeps, ownObject } from "./operation.ts";
import { awaitDurability, PUT_BYTES_MAX } from "./put-object.ts";
import { chooseClass } from "./storage-class.ts";

const PART_NUMBER_MAX = 10_000;

export const createMultipartUpload: Operation = async (deps, call) => {
  const address = ownObject(deps, call);
  const { headers } = call.request;
  const { bucket, key } = address;
  const storageClass = headers.get("x-amz-storage-class");
  const record: UploadRecord = {
    head: readObjectHead(headers, chooseClass(storageClass, bucket.profileId).storageClass),
    owner: bucket.owner,
    initiatedMs: deps.clock.wallMs(),
    ...readChecksumChoice(headers),
  };
  const uploadId = await deps.uploads.create(address, record);
  return xmlResponse(
    "InitiateMultipartUploadResult",
    { Bucket: bucket.name, Key: key, UploadId: formatUploadId(uploadId) },
    {
      "x-amz-checksum-algorithm": record.checksumAlgorithm,
      "x-amz-checksum-type": record.checksumAlgorithm && record.checksumType,
    },
  );
};

export const uploadPart: Operation = async (deps, call) => {
  const address = ownUpload(deps, call);
  const number = readPartNumber(call);
  const { bucket } = address;
  const { head } = deps.uploads.get(address);
  const { profile } = chooseClass(classOf(head.storageClass), bucket.profileId);
  const body = call.openBody(PUT_BYTES_MAX);
  const bytes = await deps.content.store(body, { bucket, profile, signal: call.signal });
  const part = partOf(bytes, deps.clock.wallMs());
  await deps.uploads.putPart(address, { number, part }, bytes.stored?.declaration);
  if (bytes.stored !== undefined) await awaitDurability(deps, call, [bytes.stored.declaration]);
  return emptyResponse(200, { etag: quoteETag(part.etag), ...checksumHeaders(part.checksum) });
};

export const abortMultipartUpload: Operation = async (deps, call) => {
  await deps.uploads.abort(ownUpload(deps, call));
  return emptyResponse(204);
};

export function ownUpload(deps: OperationDeps, call: Call): UploadAddress {
  const uploadId = parseUploadId(call.request.parameter("uploadId") ?? "");
  const address = ownObject(deps, call);
  if (uploadId === undefined) throw s3Error("NoSuchUpload");
  return { ...address, uploadId };
}

export function readPartNumber({ request }: Call): number {
  const text = request.parameter("partNumber") ?? "";
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= PART_NUMBER_MAX) return number;
  const message = "Part number must be an integer between 1 and 10000, inclusive";
  throw invalidArgument("partNumber", text, message);
}

/** A class that was not named is stored as STANDARD; the bucket's profile then still applies. */
export function classOf(storageClass: string): string | undefined {
  return storageClass === "STANDARD" ? undefined : storageClass;
}

export function partOf({ digest, stored }: StoredBytes, modifiedMs: number): PartRecord {
  return {
    etag: asBuffer(digest.md5).toString("hex"),
    sizeBytes: digest.sizeBytes,
    modifiedMs,
    checksum: digest.checksum,
    extent: stored?.extent,
  };
}

export function formatUploadId(uploadId: Uint8Array): string {
  return bytesToHex(uploadId).slice(2);
}

export function parseUploadId(text: string): Uint8Array | undefined {
  const isId = text.length === 2 * ID_BYTES && /^[0-9a-f]+$/.test(text);
  return isId ? new Uint8Array(Buffer.from(text, "hex")) : undefined;
}

export function readChecksumType(headers: HeaderMap): ChecksumType | undefined {
  const text = headers.get("x-amz-checksum-type");
  if (text === undefined || text === "FULL_OBJECT" || text === "COMPOSITE") return text;
  throw s3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
}

function readChecksumChoice(
  headers: HeaderMap,
): Pick<UploadRecord, "checksumAlgorithm" | "checksumType"> {
  const checksumAlgorithm = headers.get("x-amz-checksum-algorithm")?.toUpperCase();
  const type = readChecksumType(headers);
  if (checksumAlgorithm === undefined) {
    if (type === undefined) return { checksumAlgorithm: undefined, checksumType: "COMPOSITE" };
    const message = "The x-amz-checksum-type header needs x-amz-checksum-algorithm.";
    throw s3Error("InvalidRequest", message);
  }
  if (!isChecksumAlgorithm(checksumAlgorithm)) {
    throw s3Error("InvalidRequest", "Checksum algorithm provided is unsupported.");
  }
  const checksumType = type ?? defaultChecksumType(checksumAlgorithm);
  if (isChecksumTypeOf(checksumType, checksumAlgorithm)) return { checksumAlgorithm, checksumType };
  const message = `The ${type} checksum type cannot be used with ${checksumAlgorithm}.`;
  throw s3Error("InvalidRequest", message);
}
