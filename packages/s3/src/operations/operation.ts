import type { Profile } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import type { Random } from "@cess/runtime/random";
import type { Identity } from "../auth/authenticator.ts";
import type { RequestBody } from "../body/body.ts";
import type { Content } from "../content.ts";
import type { DeclarationLog } from "../declaration-log.ts";
import { s3Error } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import type { S3Response } from "../http/response.ts";
import type { BucketIndex } from "../index/buckets.ts";
import type { MetaReader } from "../index/meta-store.ts";
import type { ObjectAddress, ObjectIndex } from "../index/objects.ts";
import type { Bucket } from "../index/records.ts";
import type { UploadIndex } from "../index/uploads.ts";

/** What operations work with. */
export interface OperationDeps {
  readonly buckets: BucketIndex;
  readonly objects: ObjectIndex;
  readonly uploads: UploadIndex;
  readonly content: Content;
  readonly declarations: Pick<DeclarationLog, "waitUntilDeclared">;
  readonly metaReader: MetaReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly region: string;
  /** Of new buckets that do not ask for another. */
  readonly defaultProfile: Profile;
}

/** One authenticated request. */
export interface Call {
  readonly request: S3Request;
  readonly identity: Identity;
  /** Aborts when the client goes away or the gateway stops. */
  readonly signal: AbortSignal;
  /** @throws S3Error if the headers already show that the body cannot be taken. */
  openBody(sizeBytesMax: number): RequestBody;
}

export type Operation = (deps: OperationDeps, call: Call) => S3Response | Promise<S3Response>;

/**
 * The bucket that the request names, if its owner sent the request.
 *
 * @throws S3Error `NoSuchBucket`, `AccessDenied`
 */
export function ownBucket(
  { buckets }: Pick<OperationDeps, "buckets">,
  { request, identity }: Pick<Call, "request" | "identity">,
  name: string | undefined = request.bucket,
): Bucket {
  if (name === undefined) throw s3Error("InvalidBucketName");
  const bucket = buckets.get(name);
  if (bucket.owner !== identity.account) throw s3Error("AccessDenied");
  const expectedOwner = request.headers.get("x-amz-expected-bucket-owner");
  if (expectedOwner !== undefined && expectedOwner.toLowerCase() !== bucket.owner) {
    throw s3Error("AccessDenied");
  }
  return bucket;
}

export function ownObject(deps: OperationDeps, call: Call): ObjectAddress {
  const { key } = call.request;
  if (key === undefined) throw s3Error("InvalidURI");
  return { bucket: ownBucket(deps, call), key };
}
