import { PROFILES, type Profile, type ProfileName } from "@cess/params/profile";
import { invalidArgument, S3Error } from "../error.ts";
import { emptyResponse, xmlResponse } from "../http/response.ts";
import { parseXML } from "../xml.ts";
import { readDocument } from "./documents.ts";
import { formatISODate } from "./http-date.ts";
import { type Call, type Operation, type OperationDeps, ownBucket } from "./operation.ts";

export const listBuckets: Operation = ({ buckets, region }, { request, identity }) => {
  const prefix = request.parameter("prefix") ?? "";
  const after = request.parameter("continuation-token") ?? "";
  const countMax = readMaxBuckets(request.parameter("max-buckets"));
  const found = buckets
    .listOwnedBy(identity.account)
    .filter(({ name }) => name.startsWith(prefix) && name > after);
  const page = found.slice(0, countMax);
  const isTruncated = found.length > page.length;
  return xmlResponse("ListAllMyBucketsResult", {
    Owner: { ID: identity.account, DisplayName: identity.account },
    Buckets: {
      Bucket: page.map(({ name, createdMs }) => ({
        Name: name,
        CreationDate: formatISODate(createdMs),
        BucketRegion: region,
      })),
    },
    ContinuationToken: isTruncated ? page.at(-1)?.name : undefined,
    Prefix: request.parameter("prefix"),
  });
};

export const createBucket: Operation = async (deps, call) => {
  const { buckets } = deps;
  const { request, identity } = call;
  const name = request.bucket ?? "";
  assertBucketName(name);
  await assertLocation(deps, call);
  const profile = readProfile(request.headers.get("x-cess-profile"), deps.defaultProfile);
  const { account: owner, territory } = identity;
  await buckets.create({ name, owner, territory, profileId: profile.id });
  return emptyResponse(200, { location: `/${name}` });
};

export const headBucket: Operation = (deps, call) => {
  ownBucket(deps, call);
  return emptyResponse(200, {
    "x-amz-bucket-region": deps.region,
    "x-amz-access-point-alias": "false",
  });
};

export const deleteBucket: Operation = async (deps, call) => {
  await deps.buckets.remove(ownBucket(deps, call));
  return emptyResponse(204);
};

export const getBucketLocation: Operation = (deps, call) => {
  ownBucket(deps, call);
  // The first region of S3 is written as the empty constraint.
  return xmlResponse("LocationConstraint", deps.region === "us-east-1" ? "" : deps.region);
};

/** Versioning has never been turned on: the document is empty. */
export const getBucketVersioning: Operation = (deps, call) => {
  ownBucket(deps, call);
  return xmlResponse("VersioningConfiguration", {});
};

async function assertLocation({ region }: OperationDeps, call: Call): Promise<void> {
  const document = await readDocument(call);
  if (document.length === 0) return;
  const wanted = parseXML(document, "CreateBucketConfiguration").textOf("LocationConstraint");
  if (wanted === undefined || wanted === "" || wanted === region) return;
  const fields = { LocationConstraint: wanted };
  throw new S3Error({ code: "InvalidLocationConstraint", fields });
}

function readProfile(name: string | undefined, otherwise: Profile): Profile {
  if (name === undefined) return otherwise;
  if (!Object.hasOwn(PROFILES, name)) throw invalidArgument("x-cess-profile", name);
  return PROFILES[name as ProfileName];
}

function readMaxBuckets(text: string | undefined): number {
  if (text === undefined) return 10_000;
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 10_000) throw invalidArgument("max-buckets", text);
  return count;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function assertBucketName(name: string): void {
  const isForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name);
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  const isReserved =
    /^(xn--|sthree-|amzn-s3-demo-)/.test(name) || /(-s3alias|--ol-s3|\.mrap|--x-s3)$/.test(name);
  const hasBadDots = /\.\.|\.-|-\./.test(name);
  if (!isForm || isAddress || isReserved || hasBadDots) {
    throw new S3Error({ code: "InvalidBucketName", fields: { BucketName: name } });
  }
}
