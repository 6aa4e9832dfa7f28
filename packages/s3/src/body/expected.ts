import { s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  checksumHeader,
  isChecksumAlgorithm,
  isChecksumValue,
} from "./checksum.ts";

/** What the headers say of the body that follows. */
export interface ExpectedBody {
  readonly md5: Uint8Array | undefined;
  readonly checksum: ExpectedChecksum | undefined;
}

export interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; undefined if it trails the body. */
  readonly value: string | undefined;
}

/** @throws S3Error `InvalidDigest`, `InvalidRequest` */
export function readExpectedBody(headers: HeaderMap): ExpectedBody {
  return { md5: readContentMD5(headers), checksum: readExpectedChecksum(headers) };
}

function readContentMD5(headers: HeaderMap): Uint8Array | undefined {
  const text = headers.get("content-md5");
  if (text === undefined) return undefined;
  const md5 = Buffer.from(text, "base64");
  if (md5.length !== 16 || md5.toString("base64") !== text) throw s3Error("InvalidDigest");
  return md5;
}

function readExpectedChecksum(headers: HeaderMap): ExpectedChecksum | undefined {
  const given = CHECKSUM_ALGORITHMS.filter((algorithm) => headers.has(checksumHeader(algorithm)));
  const trailing = readTrailingAlgorithm(headers);
  const declared = headers.get("x-amz-sdk-checksum-algorithm")?.toUpperCase();
  if (given.length + (trailing === undefined ? 0 : 1) > 1) {
    throw s3Error("InvalidRequest", "Expecting a single x-amz-checksum- header.");
  }
  const algorithm = given[0] ?? trailing;
  if (declared !== undefined && declared !== algorithm) {
    const message = "The x-amz-sdk-checksum-algorithm header has no corresponding checksum.";
    throw s3Error("InvalidRequest", message);
  }
  if (algorithm === undefined) return undefined;
  const value = headers.get(checksumHeader(algorithm));
  if (value !== undefined) assertChecksumValue(algorithm, value);
  return { algorithm, value };
}

/** @throws S3Error `InvalidRequest` if `value` cannot be a checksum of that algorithm. */
export function assertChecksumValue(algorithm: ChecksumAlgorithm, value: string): void {
  if (isChecksumValue(algorithm, value)) return;
  throw s3Error("InvalidRequest", `Value for ${checksumHeader(algorithm)} header is invalid.`);
}

function readTrailingAlgorithm(headers: HeaderMap): ChecksumAlgorithm | undefined {
  const trailer = headers.get("x-amz-trailer")?.trim().toLowerCase();
  if (trailer === undefined) return undefined;
  const name = trailer.replace(/^x-amz-checksum-/, "").toUpperCase();
  if (isChecksumAlgorithm(name)) return name;
  throw s3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not known.");
}
