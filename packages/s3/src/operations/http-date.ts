/** RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHTTPDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** ISO 8601 with milliseconds, as S3 writes times in documents. */
export function formatISODate(ms: number): string {
  return new Date(ms).toISOString();
}

/** Undefined if the text is no date: such conditions are ignored (RFC 9110 §13.1.3). */
export function parseHTTPDate(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
