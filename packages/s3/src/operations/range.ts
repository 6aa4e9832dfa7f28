import type { ByteRange } from "../content.ts";
import { S3Error } from "../error.ts";

/**
 * Reads a `Range` header of one range. What is not one, S3 ignores, as RFC 9110 §14.2 allows.
 *
 * @returns undefined to serve the whole object.
 * @throws S3Error `InvalidRange` if no byte of the range exists.
 */
export function parseRange(text: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(text ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) throw unsatisfiable(text ?? "", sizeBytes);
    return { offset: sizeBytes - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== "" && Number(last) < offset) return undefined;
  if (offset >= sizeBytes) throw unsatisfiable(text ?? "", sizeBytes);
  return { offset, length: end - offset };
}

export function formatContentRange({ offset, length }: ByteRange, sizeBytes: number): string {
  return `bytes ${offset}-${offset + length - 1}/${sizeBytes}`;
}

function unsatisfiable(range: string, sizeBytes: number): S3Error {
  return new S3Error({
    code: "InvalidRange",
    fields: { RangeRequested: range.slice(0, 100), ActualObjectSize: String(sizeBytes) },
    headers: { "content-range": `bytes */${sizeBytes}` },
  });
}
