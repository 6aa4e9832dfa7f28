/**
 * The HTTP server behind both interfaces: routes, refusals and limits, on plain `node:http`, so
 * that bodies stream without a copy.
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CodecError } from "@cess/codec/codec";
import type { Logger } from "@cess/runtime/logger";
import type { Service } from "@cess/runtime/service";
import { concatBytes } from "@cess/std/bytes";
import { API_STATUS, ApiError, type ApiErrorCode, isApiErrorCode } from "./api-error.ts";
import { WireError } from "./error.ts";

export interface ApiRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the variable parts of the path are. */
  readonly params: readonly string[];
}

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `:` stands for one variable part: `/v1/fragments/:`. */
  readonly path: string;
  readonly handle: (request: ApiRequest) => Promise<void>;
}

export interface ApiServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly routes: readonly ApiRoute[];
}

export interface ApiServer extends Service {
  /** Known once started. */
  port(): number;
}

const CONNECTIONS_MAX = 1024;
const KEEP_ALIVE_MS = 60_000;
const REQUEST_MS = 300_000;

export function createApiServer(
  deps: { readonly log: Logger },
  options: ApiServerOptions,
): ApiServer {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS });
  server.maxConnections = CONNECTIONS_MAX;
  const running = new Set<Promise<void>>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const work = answer(options.routes, request, response)
      .catch((cause: unknown) => refuse(deps.log, { request, response }, cause))
      .finally(() => running.delete(work));
    running.add(work);
  });
  return {
    port: () => (server.address() as AddressInfo).port,
    async start() {
      if (server.listening) return;
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(options.port, options.host, resolve);
      });
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.allSettled(running);
    },
  };
}

/**
 * The whole body.
 *
 * @throws {@link ApiError} `BODY_TOO_LARGE`, before more than `bytesMax` are held.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  // Not a Buffer: slices of what is returned are copies, as callers expect of bytes.
  return concatBytes(...chunks);
}

export function sendJSON(response: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": body.length,
  });
  response.end(body);
}

export function sendBytes(response: ServerResponse, body: Uint8Array): void {
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": body.length,
  });
  response.end(body);
}

async function answer(
  routes: readonly ApiRoute[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? "/").split("?", 1)[0] as string;
  const parts = path.split("/");
  const here = routes.flatMap((route) => {
    const params = matchPath(route.path.split("/"), parts);
    return params === undefined ? [] : [{ route, params }];
  });
  if (here.length === 0) throw new ApiError("NOT_FOUND", "no such path");
  const found = here.find(({ route }) => route.method === request.method);
  if (found === undefined) throw new ApiError("METHOD_NOT_ALLOWED", "not with this method");
  await found.route.handle({ request, response, params: found.params });
}

function matchPath(
  pattern: readonly string[],
  parts: readonly string[],
): readonly string[] | undefined {
  const fits = (part: string, index: number) => part === ":" || part === parts[index];
  if (pattern.length !== parts.length || !pattern.every(fits)) return undefined;
  return parts.filter((_, index) => pattern[index] === ":");
}

function refuse(
  log: Logger,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  cause: unknown,
): void {
  const { code, message } = toRefusal(cause);
  // A request counts as destroyed once it is read; whoever asked is gone when the response is.
  const isOurFault = code === "INTERNAL" && !response.destroyed;
  if (isOurFault) log.error("request failed", { path: request.url, cause });
  // Bytes are on their way already: only an early end can tell the client that they are not all.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of the body is not worth reading.
  if (!request.complete) response.setHeader("connection", "close");
  sendJSON(response, { code, message }, API_STATUS[code]);
}

function toRefusal(cause: unknown): { readonly code: ApiErrorCode; readonly message: string } {
  if (cause instanceof ApiError) return { code: cause.detail.code, message: cause.message };
  if (cause instanceof CodecError) return { code: "REQUEST_MALFORMED", message: cause.message };
  if (cause instanceof WireError) {
    const { code } = cause.detail;
    return { code: isApiErrorCode(code) ? code : "REQUEST_MALFORMED", message: cause.message };
  }
  return { code: "INTERNAL", message: "this is our fault" };
}

function tooLarge(bytesMax: number): ApiError {
  return new ApiError("BODY_TOO_LARGE", `at most ${bytesMax} bytes`);
}
