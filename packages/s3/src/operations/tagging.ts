import { utf8ToBytes } from "@cess/std/bytes";
import { S3Error } from "../error.ts";
import { emptyResponse, type S3Response } from "../http/response.ts";
import type { NameValue } from "../index/records.ts";
import { readDocument } from "./documents.ts";
import { type Operation, ownBucket, ownObject } from "./operation.ts";
import { BUCKET_TAGS_MAX, formatTagging, OBJECT_TAGS_MAX, parseTagging } from "./tags.ts";

export const getObjectTagging: Operation = (deps, call) =>
  tagDocument(deps.objects.get(ownObject(deps, call)).head.tags);

export const putObjectTagging: Operation = async (deps, call) => {
  const address = ownObject(deps, call);
  const tags = parseTagging(await readDocument(call), OBJECT_TAGS_MAX);
  await deps.objects.change(address, (record) => ({ ...record, head: { ...record.head, tags } }));
  return emptyResponse(200);
};

export const deleteObjectTagging: Operation = async (deps, call) => {
  const address = ownObject(deps, call);
  await deps.objects.change(address, (record) => ({
    ...record,
    head: { ...record.head, tags: [] },
  }));
  return emptyResponse(204);
};

export const getBucketTagging: Operation = (deps, call) => {
  const bucket = ownBucket(deps, call);
  const document = deps.buckets.setting(bucket, "tagging");
  if (document === undefined) {
    throw new S3Error({ code: "NoSuchTagSet", fields: { BucketName: bucket.name } });
  }
  return tagDocument(parseTagging(document, BUCKET_TAGS_MAX));
};

export const putBucketTagging: Operation = async (deps, call) => {
  const bucket = ownBucket(deps, call);
  const tags = parseTagging(await readDocument(call), BUCKET_TAGS_MAX);
  await deps.buckets.changeSetting(bucket, "tagging", utf8ToBytes(formatTagging(tags)));
  return emptyResponse(204);
};

export const deleteBucketTagging: Operation = async (deps, call) => {
  await deps.buckets.changeSetting(ownBucket(deps, call), "tagging", undefined);
  return emptyResponse(204);
};

function tagDocument(tags: readonly NameValue[]): S3Response {
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: formatTagging(tags),
  };
}
