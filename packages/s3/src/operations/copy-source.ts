import { openBody, type RequestBody } from "../body/body.ts";
import type { ChecksumAlgorithm } from "../body/checksum.ts";
import type { ByteRange } from "../content.ts";
import { invalidArgument, s3Error } from "../error.ts";
import { decodeURIText, parseQuery } from "../http/uri.ts";
import type { ObjectAddress } from "../index/objects.ts";
import type { ObjectRecord } from "../index/records.ts";
import { checkCopySource } from "./conditions.ts";
import { type Call, type OperationDeps, ownBucket } from "./operation.ts";
import { PUT_BYTES_MAX } from "./put-object.ts";

export interface CopySource extends ObjectAddress {
  readonly record: ObjectRecord;
}

/**
 * The object that `x-amz-copy-source` names, if the conditions on it hold.
 *
 * @throws S3Error `InvalidArgument`, `AccessDenied`, `NoSuchBucket`, `NoSuchKey`,
 *   `PreconditionFailed`
 */
export function findCopySource(deps: OperationDeps, call: Call): CopySource {
  const { headers } = call.request;
  const text = headers.get("x-amz-copy-source") ?? "";
  const [rawPath = "", rawQuery = ""] = text.split("?");
  const path = decodeURIText(rawPath).replace(/^\//, "");
  const at = path.indexOf("/");
  if (at < 1 || at === path.length - 1) {
    throw invalidArgument("x-amz-copy-source", text, "Invalid copy source object key");
  }
  const versionId = parseQuery(rawQuery).find(({ name }) => name === "versionId")?.value;
  if (versionId !== undefined && versionId !== "null") {
    throw invalidArgument("x-amz-copy-source", text, "Invalid version id specified");
  }
  const bucket = ownBucket(deps, call, path.slice(0, at));
  const key = path.slice(at + 1);
  const record = deps.objects.get({ bucket, key });
  checkCopySource(headers, record);
  return { bucket, key, record };
}

/** Bytes of the source as a body to be stored anew. */
export async function openCopyBody(
  { content }: OperationDeps,
  { bucket, record }: CopySource,
  options: ByteRange & {
    readonly signal: AbortSignal;
    readonly checksum: ChecksumAlgorithm | undefined;
  },
): Promise<RequestBody> {
  if (options.length > PUT_BYTES_MAX) {
    throw s3Error("InvalidRequest", "The specified copy source is larger than the maximum size.");
  }
  const source = await content.read(bucket, record.body, options);
  const headers = new Map([["content-length", String(options.length)]]);
  const compute = options.checksum;
  const payload = { kind: "unsigned" } as const;
  return openBody({ headers, payload, source, sizeBytesMax: PUT_BYTES_MAX, compute });
}
