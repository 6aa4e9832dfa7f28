import type { ByteRange } from "../content.ts";
import { s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import type { S3Request } from "../http/request.ts";
import type { S3Response } from "../http/response.ts";
import type { ObjectRecord } from "../index/records.ts";
import type { NumberedPart } from "../index/upload-records.ts";
import { checksumHeaders } from "./checksum-headers.ts";
import { checkRead, rangeApplies } from "./conditions.ts";
import { objectHeaders } from "./object-head.ts";
import { type Call, type Operation, type OperationDeps, ownObject } from "./operation.ts";
import { formatContentRange, parseRange } from "./range.ts";

/** Query parameters that replace a header of the answer. */
const OVERRIDES = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
] as const;

export const getObject: Operation = async (deps, call) => {
  const { response, record, range } = describeObject(deps, call);
  if (range.length === 0) return response;
  const { bucket } = ownObject(deps, call);
  const body = await deps.content.read(bucket, record.body, { ...range, signal: call.signal });
  return { ...response, body };
};

export const headObject: Operation = (deps, call) => describeObject(deps, call).response;

interface Described {
  readonly response: S3Response;
  readonly record: ObjectRecord;
  readonly range: ByteRange;
}

function describeObject(deps: OperationDeps, call: Call): Described {
  const { request } = call;
  const record = deps.objects.get(ownObject(deps, call));
  checkRead(request.headers, record);
  const part = choosePart(deps, request, record);
  const range = part?.range ?? chooseRange(request.headers, record);
  const whole = { offset: 0, length: record.sizeBytes };
  const { offset, length } = range ?? whole;
  const isWhole = length === record.sizeBytes;
  const wantsChecksum = request.headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED";
  const checksum = part === undefined ? (isWhole ? record.checksum : undefined) : part.checksum;
  const headers = {
    ...objectHeaders(record),
    ...overrides(request),
    ...(wantsChecksum ? checksumHeaders(checksum) : {}),
    "content-length": String(length),
    "content-range": range === undefined ? undefined : formatContentRange(range, record.sizeBytes),
    "x-amz-mp-parts-count": part?.count,
  };
  const status = range === undefined ? 200 : 206;
  return { response: { status, headers }, record, range: { offset, length } };
}

function chooseRange(headers: HeaderMap, record: ObjectRecord): ByteRange | undefined {
  if (!rangeApplies(headers, record)) return undefined;
  return parseRange(headers.get("range"), record.sizeBytes);
}

interface ChosenPart {
  /** Undefined for the one part of an empty object. */
  readonly range: ByteRange | undefined;
  readonly checksum: ObjectRecord["checksum"];
  readonly count: string | undefined;
}

/** `partNumber` asks for the bytes of one part; an object put at once is its own part 1. */
function choosePart(
  { objects }: OperationDeps,
  request: S3Request,
  { body, sizeBytes, checksum }: ObjectRecord,
): ChosenPart | undefined {
  const text = request.parameter("partNumber");
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 10_000) {
    throw s3Error("InvalidArgument", "Part number must be an integer between 1 and 10000");
  }
  if (request.headers.has("range")) {
    throw s3Error("InvalidRequest", "Cannot specify both Range header and partNumber");
  }
  const number = Number(text);
  if (body.kind !== "parts") {
    if (number !== 1) throw s3Error("InvalidPartNumber");
    const range = sizeBytes === 0 ? undefined : { offset: 0, length: sizeBytes };
    return { range, checksum, count: undefined };
  }
  const parts = [...objects.parts(body.partsId)];
  const index = parts.findIndex((part) => part.number === number);
  const found = parts[index];
  if (found === undefined) throw s3Error("InvalidPartNumber");
  const range = { offset: totalSize(parts.slice(0, index)), length: found.part.sizeBytes };
  return { range, checksum: found.part.checksum, count: String(body.count) };
}

function totalSize(parts: readonly NumberedPart[]): number {
  return parts.reduce((sum, { part }) => sum + part.sizeBytes, 0);
}

function overrides(request: S3Request): Record<string, string> {
  return Object.fromEntries(
    OVERRIDES.flatMap((name) => {
      const value = request.parameter(`response-${name}`);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
