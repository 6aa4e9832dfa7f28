import { type S3Error, s3Error } from "../error.ts";
import { emptyResponse, xmlResponse } from "../http/response.ts";
import type { ObjectRecord } from "../index/records.ts";
import { parseXML, type XMLElement } from "../xml.ts";
import { unquoteETag, writePrecondition } from "./conditions.ts";
import { readDocument } from "./documents.ts";
import { type Operation, ownBucket, ownObject } from "./operation.ts";

const DELETES_MAX = 1000;

export const deleteObject: Operation = async (deps, call) => {
  const { bucket, key } = ownObject(deps, call);
  const precondition = writePrecondition(call.request.headers, key);
  await deps.objects.remove(bucket, [key], (_key, existing) => precondition(existing));
  return emptyResponse(204);
};

interface Deletion {
  readonly key: string;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
}

export const deleteObjects: Operation = async (deps, call) => {
  const bucket = ownBucket(deps, call);
  const { headers } = call.request;
  const body = await readDocument(call);
  const hasChecksum = [...headers.keys()].some((name) => name.startsWith("x-amz-checksum-"));
  if (!headers.has("content-md5") && !hasChecksum && !headers.has("x-amz-trailer")) {
    throw s3Error("InvalidRequest", "Missing required header for this request: Content-MD5");
  }
  const document = parseXML(body, "Delete");
  const deletions = document.children("Object").map(parseDeletion);
  if (deletions.length === 0 || deletions.length > DELETES_MAX) throw s3Error("MalformedXML");
  const errors = new Map<string, S3Error>();
  const wanted = deletions.filter(({ key, versionId }) => {
    if (versionId === undefined || versionId === "null") return true;
    errors.set(key, s3Error("InvalidArgument", "Invalid version id specified"));
    return false;
  });
  for (const deletion of wanted) {
    const refused = refusal(deletion, deps.objects.find({ bucket, key: deletion.key }));
    if (refused !== undefined) errors.set(deletion.key, refused);
  }
  const deleted = wanted.filter(({ key }) => !errors.has(key));
  const keys = deleted.map(({ key }) => key);
  await deps.objects.remove(bucket, keys, () => undefined);
  const isQuiet = document.textOf("Quiet")?.trim().toLowerCase() === "true";
  return xmlResponse("DeleteResult", {
    Deleted: isQuiet
      ? undefined
      : deleted.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
    Error: [...errors].map(([Key, { detail, message }]) => ({
      Key,
      Code: detail.code,
      Message: message,
    })),
  });
};

function parseDeletion(element: XMLElement): Deletion {
  const key = element.textOf("Key");
  if (key === undefined || key === "") throw s3Error("MalformedXML");
  return { key, etag: element.textOf("ETag"), versionId: element.textOf("VersionId") };
}

function refusal({ etag }: Deletion, existing: ObjectRecord | undefined): S3Error | undefined {
  if (etag === undefined || existing === undefined) return undefined;
  const wanted = unquoteETag(etag);
  return wanted === "*" || wanted === existing.etag ? undefined : s3Error("PreconditionFailed");
}
