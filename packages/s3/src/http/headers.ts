/** Header fields by lower-case name; repeated fields are joined by commas (RFC 9110 §5.3). */
export type HeaderMap = ReadonlyMap<string, string>;

/** @param rawHeaders - Names and values in turn, as `node:http` gives them (Latin-1). */
export function headerMapOf(rawHeaders: readonly string[]): HeaderMap {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

/** Bytes of the header section as it came, without the request line. */
export function headerSizeBytes(rawHeaders: readonly string[]): number {
  // Each field adds ": " and CRLF to its name and value.
  return rawHeaders.reduce((sum, part) => sum + part.length + 2, 0);
}
