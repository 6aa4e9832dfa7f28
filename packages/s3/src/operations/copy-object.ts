import { type ChecksumAlgorithm, isChecksumAlgorithm } from "../body/checksum.ts";
import type { ByteRange } from "../content.ts";
import { invalidArgument, S3Error, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import { xmlResponse } from "../http/response.ts";
import { ID_BYTES } from "../index/keys.ts";
import type { CopyBody, ObjectAddress, Precondition } from "../index/objects.ts";
import type { ObjectHead, ObjectRecord } from "../index/records.ts";
import { checksumElements } from "./checksum-headers.ts";
import { quoteETag, writePrecondition } from "./conditions.ts";
import { type CopySource, findCopySource, openCopyBody } from "./copy-source.ts";
import { formatISODate } from "./http-date.ts";
import { classOf, ownUpload, partOf, readPartNumber } from "./multipart.ts";
import { readObjectHead } from "./object-head.ts";
import { type Call, type Operation, type OperationDeps, ownObject } from "./operation.ts";
import { awaitDurability, wholeBody } from "./put-object.ts";
import { type ChosenClass, chooseClass } from "./storage-class.ts";
import { OBJECT_TAGS_MAX } from "./tags.ts";

export const copyObject: Operation = async (deps, call) => {
  const target = ownObject(deps, call);
  const source = findCopySource(deps, call);
  const { headers } = call.request;
  const chosen = chooseClass(headers.get("x-amz-storage-class"), target.bucket.profileId);
  assertChanges(source, target, headers);
  const plan: CopyPlan = {
    source,
    target,
    chosen,
    head: copiedHead(source.record.head, headers, chosen.storageClass),
    checksum: readChecksumAlgorithm(headers),
    precondition: writePrecondition(headers, target.key),
  };
  plan.precondition(deps.objects.find(target));
  const record = canShare(plan) ? await shareBytes(deps, plan) : await copyBytes(deps, call, plan);
  return xmlResponse("CopyObjectResult", {
    LastModified: formatISODate(record.modifiedMs),
    ETag: quoteETag(record.etag),
    ...checksumElements(record.checksum),
  });
};

export const uploadPartCopy: Operation = async (deps, call) => {
  const address = ownUpload(deps, call);
  const number = readPartNumber(call);
  const { head, checksumAlgorithm: checksum } = deps.uploads.get(address);
  const { bucket } = address;
  const { signal } = call;
  const source = findCopySource(deps, call);
  const range = readCopyRange(call.request.headers, source.record.sizeBytes);
  const body = await openCopyBody(deps, source, { ...range, signal, checksum });
  const { profile } = chooseClass(classOf(head.storageClass), bucket.profileId);
  const bytes = await deps.content.store(body, { bucket, profile, signal });
  const part = partOf(bytes, deps.clock.wallMs());
  await deps.uploads.putPart(address, { number, part }, bytes.stored?.declaration);
  return xmlResponse("CopyPartResult", {
    LastModified: formatISODate(part.modifiedMs),
    ETag: quoteETag(part.etag),
    ...checksumElements(part.checksum),
  });
};

interface CopyPlan {
  readonly source: CopySource;
  readonly target: ObjectAddress;
  readonly chosen: ChosenClass;
  readonly head: ObjectHead;
  /** Asked for; undefined keeps that of the source. */
  readonly checksum: ChecksumAlgorithm | undefined;
  readonly precondition: Precondition;
}

/** A copy within one territory and profile is one more name for the same files. */
function canShare({ source, target, chosen, checksum }: CopyPlan): boolean {
  const { body, checksum: known, head } = source.record;
  const sourceClass = chooseClass(classOf(head.storageClass), source.bucket.profileId);
  const hasChecksum = checksum === undefined || checksum === known?.algorithm;
  return (
    hasChecksum &&
    (body.kind === "empty" ||
      (source.bucket.territory === target.bucket.territory &&
        sourceClass.profile.id === chosen.profile.id))
  );
}

async function shareBytes(
  deps: OperationDeps,
  { source, target, head, precondition }: CopyPlan,
): Promise<Omit<ObjectRecord, "body">> {
  const { etag, sizeBytes, checksum } = source.record;
  const modifiedMs = deps.clock.wallMs();
  const record = { head, owner: target.bucket.owner, etag, sizeBytes, checksum, modifiedMs };
  await deps.objects.putCopy(
    target,
    { record, body: sharedBody(deps, source, target) },
    precondition,
  );
  return record;
}

function sharedBody(
  { content, objects, random }: OperationDeps,
  { record, bucket: from }: CopySource,
  { bucket: to }: ObjectAddress,
): CopyBody {
  const { body } = record;
  switch (body.kind) {
    case "empty":
      return body;
    case "whole":
      return { kind: "whole", extent: content.rewrap(body.extent, from, to) };
    case "parts": {
      const parts = [...objects.parts(body.partsId)].map(({ number, part }) => ({
        number,
        part: { ...part, extent: part.extent && content.rewrap(part.extent, from, to) },
      }));
      return { kind: "parts", partsId: random.bytes(ID_BYTES), parts };
    }
  }
}

async function copyBytes(
  deps: OperationDeps,
  call: Call,
  { source, target, chosen, head, checksum, precondition }: CopyPlan,
): Promise<ObjectRecord> {
  const { signal } = call;
  const { sizeBytes, checksum: known } = source.record;
  const range = { offset: 0, length: sizeBytes };
  const algorithm = checksum ?? known?.algorithm;
  const body = await openCopyBody(deps, source, { ...range, signal, checksum: algorithm });
  const { bucket } = target;
  const bytes = await deps.content.store(body, { bucket, profile: chosen.profile, signal });
  const { md5, ...digest } = bytes.digest;
  const record: ObjectRecord = {
    head,
    owner: bucket.owner,
    etag: Buffer.from(md5).toString("hex"),
    ...digest,
    modifiedMs: deps.clock.wallMs(),
    body: wholeBody(bytes),
  };
  const declaration = bytes.stored?.declaration;
  await deps.objects.put(target, { record, declaration }, precondition);
  if (declaration !== undefined) await awaitDurability(deps, call, [declaration]);
  return record;
}

function copiedHead(source: ObjectHead, headers: HeaderMap, storageClass: string): ObjectHead {
  const given = readObjectHead(headers, storageClass);
  const isReplaced = readDirective(headers, "x-amz-metadata-directive") === "REPLACE";
  const isRetagged = readDirective(headers, "x-amz-tagging-directive") === "REPLACE";
  const { headers: kept, metadata } = isReplaced ? given : source;
  const tags = isRetagged ? given.tags : source.tags;
  return { storageClass, headers: kept, metadata, tags: tags.slice(0, OBJECT_TAGS_MAX) };
}

function readDirective(headers: HeaderMap, name: string): "COPY" | "REPLACE" {
  const text = headers.get(name) ?? "COPY";
  if (text === "COPY" || text === "REPLACE") return text;
  throw invalidArgument(name, text, "Unknown directive.");
}

/** An object is copied onto itself only to change what is said of it. */
function assertChanges(source: CopySource, target: ObjectAddress, headers: HeaderMap): void {
  const isSelf = source.bucket.name === target.bucket.name && source.key === target.key;
  const isReplaced = readDirective(headers, "x-amz-metadata-directive") === "REPLACE";
  const newClass = headers.get("x-amz-storage-class");
  const isMoved = newClass !== undefined && newClass !== source.record.head.storageClass;
  if (!isSelf || isReplaced || isMoved) return;
  throw s3Error(
    "InvalidRequest",
    "This copy request is illegal because it is trying to copy an object to itself without " +
      "changing the object's metadata, storage class, website redirect location or encryption.",
  );
}

function readChecksumAlgorithm(headers: HeaderMap): ChecksumAlgorithm | undefined {
  const name = headers.get("x-amz-checksum-algorithm")?.toUpperCase();
  if (name === undefined || isChecksumAlgorithm(name)) return name;
  throw s3Error("InvalidRequest", "Checksum algorithm provided is unsupported.");
}

function readCopyRange(headers: HeaderMap, sizeBytes: number): ByteRange {
  const text = headers.get("x-amz-copy-source-range");
  if (text === undefined) return { offset: 0, length: sizeBytes };
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || first > last) {
    const message = "The x-amz-copy-source-range value must be of the form bytes=first-last.";
    throw invalidArgument("x-amz-copy-source-range", text, message);
  }
  if (last >= sizeBytes) {
    const fields = { RangeRequested: text, ActualObjectSize: String(sizeBytes) };
    throw new S3Error({ code: "InvalidRange", fields });
  }
  return { offset: first, length: last - first + 1 };
}
