/** Signs and sends requests by hand, so that tests can get any part of them wrong. @module */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import {
  ALGORITHM,
  type ChunkSigner,
  canonicalRequestOf,
  scopeText,
  signatureOf,
  signingKeyOf,
  stringToSignOf,
} from "../auth/signature.ts";
import { encodeURIPath, parseQuery } from "../http/uri.ts";
import type { Credential } from "../index/credentials.ts";
import { TEST_REGION } from "./test-gateway.ts";

export interface RawRequest {
  readonly method: string;
  /** Not yet escaped. */
  readonly path: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** In place of the hash of `body`. */
  readonly payloadHash?: string;
  readonly timeMs?: number;
  readonly region?: string;
  /** Added after signing. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The `Code` of an error document. */
  readonly code: string | undefined;
}

export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly signer: ChunkSigner;
}

/** The headers of `raw` with its signature. */
export function signRaw(endpoint: string, credential: Credential, raw: RawRequest): Signed {
  const timestamp = timestampOf(raw.timeMs ?? Date.now());
  const scope = {
    date: timestamp.slice(0, 8),
    region: raw.region ?? TEST_REGION,
    service: "s3",
  };
  const payloadHash =
    raw.payloadHash ??
    createHash("sha256")
      .update(raw.body ?? "")
      .digest("hex");
  const headers: Record<string, string> = {
    host: new URL(endpoint).host,
    "x-amz-content-sha256": payloadHash,
    "x-amz-date": timestamp,
    ...raw.headers,
  };
  const signedHeaders = Object.keys(headers).sort();
  const canonical = canonicalRequestOf({
    method: raw.method,
    path: raw.path,
    query: parseQuery(raw.query ?? ""),
    headers: new Map(Object.entries(headers)),
    signedHeaders,
    payloadHash,
  });
  const signingKey = signingKeyOf(credential.secretAccessKey, scope);
  const seedSignature = signatureOf(signingKey, stringToSignOf(canonical, timestamp, scope));
  headers["authorization"] =
    `${ALGORITHM} Credential=${credential.accessKeyId}/${scopeText(scope)}, ` +
    `SignedHeaders=${signedHeaders.join(";")}, Signature=${seedSignature}`;
  return { headers, signer: { signingKey, timestamp, scope, seedSignature } };
}

export function sendRaw(
  endpoint: string,
  credential: Credential,
  raw: RawRequest,
): Promise<RawResponse> {
  const { headers } = signRaw(endpoint, credential, raw);
  return sendUnsigned(endpoint, { ...raw, headers: { ...headers, ...raw.unsignedHeaders } });
}

export function sendUnsigned(
  endpoint: string,
  { method, path, query, headers = {}, body }: RawRequest,
): Promise<RawResponse> {
  const target = `${encodeURIPath(path)}${query === undefined ? "" : `?${query}`}`;
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint);
    const outgoing = request({ hostname, port, method, path: target, headers, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let text = "";
      incoming.setEncoding("latin1");
      incoming.on("error", reject);
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => {
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, code });
      });
    });
    if (body !== undefined && headers["content-length"] === undefined) {
      outgoing.setHeader("content-length", Buffer.byteLength(body));
    }
    // Bytes, because together with a text Node would write the headers as UTF-8 too.
    outgoing.end(body === undefined ? undefined : Buffer.from(body));
  });
}

/** Writes `bytes` to the gateway as they are, then ends its side; resolves with all that comes. */
export function sendBytes(endpoint: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint);
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.end(bytes);
  });
}

function timestampOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}
