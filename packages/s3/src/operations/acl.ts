import type { Hex } from "@cess/std/bytes";
import { s3Error } from "../error.ts";
import { emptyResponse, type S3Response } from "../http/response.ts";
import { formatXML, parseXML } from "../xml.ts";
import { readDocument } from "./documents.ts";
import { type Call, type Operation, ownBucket, ownObject } from "./operation.ts";

export const getBucketACL: Operation = (deps, call) => aclOf(ownBucket(deps, call).owner);

export const getObjectACL: Operation = (deps, call) =>
  aclOf(deps.objects.get(ownObject(deps, call)).owner);

export const putBucketACL: Operation = async (deps, call) => {
  await assertPrivate(call, ownBucket(deps, call).owner);
  return emptyResponse(200);
};

export const putObjectACL: Operation = async (deps, call) => {
  await assertPrivate(call, deps.objects.get(ownObject(deps, call)).owner);
  return emptyResponse(200);
};

/** The one list there is: the owner may do everything, nobody else anything. */
function aclOf(owner: Hex): S3Response {
  const grantee =
    'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';
  const party = { ID: owner, DisplayName: owner };
  const body = formatXML("AccessControlPolicy", {
    Owner: party,
    AccessControlList: { Grant: { [grantee]: party, Permission: "FULL_CONTROL" } },
  });
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}

/** Canned lists in headers were checked for all requests; a document must say the same. */
async function assertPrivate(call: Call, owner: Hex): Promise<void> {
  const document = await readDocument(call);
  if (document.length === 0) {
    if (call.request.headers.has("x-amz-acl")) return;
    throw s3Error("InvalidRequest", "Neither an access control list nor x-amz-acl was given.");
  }
  const list = parseXML(document, "AccessControlPolicy").child("AccessControlList");
  if (list === undefined) throw s3Error("MalformedXML");
  const isPrivate = list.children("Grant").every((grant) => {
    const isOwner = grant.child("Grantee")?.textOf("ID")?.trim().toLowerCase() === owner;
    return isOwner && grant.textOf("Permission")?.trim() === "FULL_CONTROL";
  });
  if (!isPrivate) throw s3Error("NotImplemented", "Only the owner can be granted access.");
}
