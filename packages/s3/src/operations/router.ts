/**
 * Which operation a request means: by method, by what its address names, and by a subresource in
 * its query. What S3 has and this gateway has not is answered `NotImplemented`.
 * @module
 */
import { S3Error } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import { getBucketACL, getObjectACL, putBucketACL, putObjectACL } from "./acl.ts";
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
  listBuckets,
} from "./buckets.ts";
import { completeMultipartUpload } from "./complete-upload.ts";
import { copyObject, uploadPartCopy } from "./copy-object.ts";
import { deleteBucketCORS, getBucketCORS, putBucketCORS } from "./cors.ts";
import { deleteObject, deleteObjects } from "./delete-object.ts";
import { getObject, headObject } from "./get-object.ts";
import { listObjectsV1, listObjectsV2 } from "./list-objects.ts";
import { listMultipartUploads, listParts } from "./list-uploads.ts";
import { listObjectVersions } from "./list-versions.ts";
import { abortMultipartUpload, createMultipartUpload, uploadPart } from "./multipart.ts";
import { getObjectAttributes } from "./object-attributes.ts";
import type { Operation } from "./operation.ts";
import { putObject } from "./put-object.ts";
import {
  deleteBucketTagging,
  deleteObjectTagging,
  getBucketTagging,
  getObjectTagging,
  putBucketTagging,
  putObjectTagging,
} from "./tagging.ts";

export interface Route {
  /** As S3 names the operation. */
  readonly name: string;
  readonly run: Operation;
}

type Level = "service" | "bucket" | "object";

/** Query parameters that choose an operation. */
const SUBRESOURCES: Readonly<Record<Level, readonly string[]>> = {
  service: [],
  bucket: [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "session",
    "tagging",
    "uploads",
    "versioning",
    "versions",
    "website",
  ],
  object: [
    "acl",
    "attributes",
    "legal-hold",
    "renameObject",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
  ],
};

/** By level, then `METHOD`, `METHOD ?subresource`, or `METHOD ?subresource copy`. */
const ROUTES: Readonly<Record<Level, Readonly<Record<string, Route>>>> = {
  service: { GET: { name: "ListBuckets", run: listBuckets } },
  bucket: {
    PUT: { name: "CreateBucket", run: createBucket },
    HEAD: { name: "HeadBucket", run: headBucket },
    DELETE: { name: "DeleteBucket", run: deleteBucket },
    GET: { name: "ListObjects", run: listObjectsV1 },
    "GET ?list-type": { name: "ListObjectsV2", run: listObjectsV2 },
    "GET ?versions": { name: "ListObjectVersions", run: listObjectVersions },
    "GET ?uploads": { name: "ListMultipartUploads", run: listMultipartUploads },
    "GET ?acl": { name: "GetBucketAcl", run: getBucketACL },
    "PUT ?acl": { name: "PutBucketAcl", run: putBucketACL },
    "GET ?cors": { name: "GetBucketCors", run: getBucketCORS },
    "PUT ?cors": { name: "PutBucketCors", run: putBucketCORS },
    "DELETE ?cors": { name: "DeleteBucketCors", run: deleteBucketCORS },
    "GET ?tagging": { name: "GetBucketTagging", run: getBucketTagging },
    "PUT ?tagging": { name: "PutBucketTagging", run: putBucketTagging },
    "DELETE ?tagging": { name: "DeleteBucketTagging", run: deleteBucketTagging },
    "GET ?location": { name: "GetBucketLocation", run: getBucketLocation },
    "GET ?versioning": { name: "GetBucketVersioning", run: getBucketVersioning },
    "POST ?delete": { name: "DeleteObjects", run: deleteObjects },
  },
  object: {
    PUT: { name: "PutObject", run: putObject },
    GET: { name: "GetObject", run: getObject },
    HEAD: { name: "HeadObject", run: headObject },
    DELETE: { name: "DeleteObject", run: deleteObject },
    "PUT copy": { name: "CopyObject", run: copyObject },
    "GET ?attributes": { name: "GetObjectAttributes", run: getObjectAttributes },
    "GET ?acl": { name: "GetObjectAcl", run: getObjectACL },
    "PUT ?acl": { name: "PutObjectAcl", run: putObjectACL },
    "GET ?tagging": { name: "GetObjectTagging", run: getObjectTagging },
    "PUT ?tagging": { name: "PutObjectTagging", run: putObjectTagging },
    "DELETE ?tagging": { name: "DeleteObjectTagging", run: deleteObjectTagging },
    "POST ?uploads": { name: "CreateMultipartUpload", run: createMultipartUpload },
    "PUT ?uploadId": { name: "UploadPart", run: uploadPart },
    "PUT ?uploadId copy": { name: "UploadPartCopy", run: uploadPartCopy },
    "POST ?uploadId": { name: "CompleteMultipartUpload", run: completeMultipartUpload },
    "GET ?uploadId": { name: "ListParts", run: listParts },
    "DELETE ?uploadId": { name: "AbortMultipartUpload", run: abortMultipartUpload },
  },
};

/** @throws S3Error `NotImplemented`, `MethodNotAllowed` */
export function routeOf(request: S3Request): Route {
  const level = levelOf(request);
  const subresource = SUBRESOURCES[level].find((name) => request.parameter(name) !== undefined);
  const isCopy = request.method === "PUT" && request.headers.has("x-amz-copy-source");
  const selector = [
    request.method,
    ...(subresource === undefined ? [] : [`?${subresource}`]),
    ...(isCopy && level === "object" ? ["copy"] : []),
  ].join(" ");
  const route = ROUTES[level][selector];
  if (route !== undefined) return route;
  if (subresource !== undefined || isCopy) throw notImplemented(selector);
  if (level === "bucket" && request.method === "POST") throw notImplemented("POST forms");
  const fields = { Method: request.method, ResourceType: level.toUpperCase() };
  throw new S3Error({ code: "MethodNotAllowed", fields });
}

function levelOf({ bucket, key }: S3Request): Level {
  if (bucket === undefined) return "service";
  return key === undefined ? "bucket" : "object";
}

function notImplemented(selector: string): S3Error {
  return new S3Error({ code: "NotImplemented", fields: { Header: selector } });
}
