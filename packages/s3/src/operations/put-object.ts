import { asBuffer } from "@cess/std/bytes";
import { GIB } from "@cess/std/units";
import type { Declaration } from "@cess/storage-client/file-store";
import type { StoredBytes } from "../content.ts";
import { invalidArgument } from "../error.ts";
import { emptyResponse } from "../http/response.ts";
import type { ObjectBody } from "../index/records.ts";
import { checksumHeaders } from "./checksum-headers.ts";
import { quoteETag, writePrecondition } from "./conditions.ts";
import { readObjectHead } from "./object-head.ts";
import { type Call, type Operation, type OperationDeps, ownObject } from "./operation.ts";
import { chooseClass } from "./storage-class.ts";

/** Most bytes of one PUT, be it an object or a part. */
export const PUT_BYTES_MAX: number = 5 * GIB;

export const putObject: Operation = async (deps, call) => {
  const address = ownObject(deps, call);
  const { headers } = call.request;
  const { bucket } = address;
  const { storageClass, profile } = chooseClass(
    headers.get("x-amz-storage-class"),
    bucket.profileId,
  );
  const head = readObjectHead(headers, storageClass);
  const precondition = writePrecondition(headers, address.key);
  const body = call.openBody(PUT_BYTES_MAX);
  // A condition that fails already spares the client the upload.
  precondition(deps.objects.find(address));
  const bytes = await deps.content.store(body, { bucket, profile, signal: call.signal });
  const { digest, stored } = bytes;
  const record = {
    head,
    owner: bucket.owner,
    etag: asBuffer(digest.md5).toString("hex"),
    sizeBytes: digest.sizeBytes,
    modifiedMs: deps.clock.wallMs(),
    checksum: digest.checksum,
    body: wholeBody(bytes),
  };
  const declaration = stored?.declaration;
  await deps.objects.put(address, { record, declaration }, precondition);
  if (declaration !== undefined) await awaitDurability(deps, call, [declaration]);
  return emptyResponse(200, {
    etag: quoteETag(record.etag),
    ...checksumHeaders(record.checksum),
  });
};

export function wholeBody({ stored }: StoredBytes): ObjectBody {
  return stored === undefined ? { kind: "empty" } : { kind: "whole", extent: stored.extent };
}

/** With `x-cess-durability: declared` an answer waits until the chain knows all the files. */
export async function awaitDurability(
  { declarations }: OperationDeps,
  { request, signal }: Call,
  claims: Iterable<Pick<Declaration, "territory" | "fid">>,
): Promise<void> {
  const durability = request.headers.get("x-cess-durability");
  if (durability === undefined || durability === "stored") return;
  if (durability !== "declared") throw invalidArgument("x-cess-durability", durability);
  for (const claim of claims) await declarations.waitUntilDeclared(claim, signal);
}
