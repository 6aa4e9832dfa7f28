import { s3Error } from "../error.ts";

export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** Percent-encodes all but RFC 3986 unreserved characters, as Signature Version 4 asks. */
export function encodeURIStrict(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Like {@link encodeURIStrict}, but leaves slashes. */
export function encodeURIPath(path: string): string {
  return path.split("/").map(encodeURIStrict).join("/");
}

/** @throws S3Error `InvalidURI` if escapes are malformed or not UTF-8. */
export function decodeURIText(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // A URIError carries nothing more.
    throw s3Error("InvalidURI");
  }
}

/**
 * Splits a query string; a parameter without `=` has the empty value.
 *
 * @throws S3Error `InvalidURI`
 */
export function parseQuery(raw: string): readonly QueryParameter[] {
  return raw
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      const name = at < 0 ? pair : pair.slice(0, at);
      const value = at < 0 ? "" : pair.slice(at + 1);
      return { name: decodeForm(name), value: decodeForm(value) };
    });
}

function decodeForm(text: string): string {
  return decodeURIText(text.replaceAll("+", " "));
}
