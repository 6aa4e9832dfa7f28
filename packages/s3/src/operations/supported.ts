import { invalidArgument, s3Error } from "../error.ts";
import type { S3Request } from "../http/request.ts";

/** Header prefixes of features that are not there: a request that asks for one is refused. */
const UNSUPPORTED_PREFIXES = [
  "x-amz-server-side-encryption-customer-",
  "x-amz-copy-source-server-side-encryption-customer-",
  "x-amz-object-lock-",
  "x-amz-bucket-object-lock-enabled",
  "x-amz-grant-",
  "x-amz-write-offset-bytes",
  "x-amz-rename-source",
] as const;

/** Canned ACLs that say what holds anyway: only the owner may do anything. */
const PRIVATE_ACLS: readonly string[] = ["private", "bucket-owner-full-control"];

/** @throws S3Error `NotImplemented`: what is asked for is never left out in silence. */
export function assertSupported(request: S3Request): void {
  for (const name of request.headers.keys()) {
    if (UNSUPPORTED_PREFIXES.some((prefix) => name.startsWith(prefix))) throw missing(name);
  }
  const acl = request.headers.get("x-amz-acl");
  if (acl !== undefined && !PRIVATE_ACLS.includes(acl)) throw missing("x-amz-acl");
  // Everything is encrypted with AES-256, which is what AES256 asks for.
  const encryption = request.headers.get("x-amz-server-side-encryption");
  if (encryption !== undefined && encryption !== "AES256") {
    throw missing("x-amz-server-side-encryption");
  }
  const versionId = request.parameter("versionId");
  if (versionId !== undefined && versionId !== "null") {
    throw invalidArgument("versionId", versionId, "Invalid version id specified");
  }
}

function missing(header: string) {
  return s3Error("NotImplemented", `The header ${header} implies functionality we do not have.`);
}
