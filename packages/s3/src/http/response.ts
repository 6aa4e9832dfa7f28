import { formatXML, type XMLValue } from "../xml.ts";

export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Text, or bytes as they come; nothing if left out. */
  readonly body?: string | AsyncIterable<Uint8Array>;
}

export function xmlResponse(
  root: string,
  value: XMLValue,
  headers: Readonly<Record<string, string | undefined>> = {},
): S3Response {
  return {
    status: 200,
    headers: { "content-type": "application/xml", ...headers },
    body: formatXML(root, value),
  };
}

export function emptyResponse(
  status: number,
  headers: Readonly<Record<string, string | undefined>> = {},
): S3Response {
  return { status, headers };
}
