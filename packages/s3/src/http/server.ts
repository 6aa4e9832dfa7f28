/**
 * The HTTP front of the gateway, on `node:http` as it is: S3 needs the request target and the
 * headers byte by byte for its signatures, bodies that stream with backpressure, `Expect` answered
 * only once a request is found good, and control over what happens to unread bodies.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Service } from "@cess/runtime/service";
import { KIB, MIB } from "@cess/std/units";
import type { S3Response } from "./response.ts";

export interface Exchange {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  /** Asks the client to go on, if it waits for that, and streams what it sends. */
  readonly source: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface ServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Never rejects: what goes wrong is part of the response. */
  readonly answer: (exchange: Exchange) => Promise<S3Response>;
  /** Told of a body that broke off after its status was sent. */
  readonly onBroken: (cause: unknown) => void;
  /** Document for a request that cannot even be parsed. */
  readonly malformed: (reason: "headers" | "body" | "syntax") => S3Response;
}

export interface HTTPServer extends Service {
  /** Where it listens, once started. */
  readonly port: number;
}

/** Above what S3 allows, so that most requests that are too long still get a proper answer. */
const HEADER_BYTES_MAX = 32 * KIB;
const CONNECTIONS_MAX = 2048;
const IDLE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 30_000;
/** How much of a body is read and dropped after an early answer, so that the answer arrives. */
const DRAIN_BYTES_MAX = 16 * MIB;
const DRAIN_MS = 2_000;
/** How long requests may go on after the server was told to stop. */
const STOP_GRACE_MS = 1_000;

export function createHTTPServer(options: ServerOptions): HTTPServer {
  const active = new Set<Promise<void>>();
  let server: Server | undefined;
  let port = 0;
  return {
    get port() {
      return port;
    },
    async start() {
      if (server !== undefined) return;
      server = buildServer(options, active);
      port = await listen(server, options);
    },
    async stop() {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      closing.closeIdleConnections();
      await settledWithin(active, STOP_GRACE_MS);
      closing.closeAllConnections();
      // What was cut off notices by its signal; nothing may run on after this service stopped.
      await Promise.all(active);
      await closed;
    },
  };
}

function buildServer(options: ServerOptions, active: Set<Promise<void>>): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A large upload takes as long as it takes; connections without traffic are ended.
    requestTimeout: 0,
    keepAliveTimeout: IDLE_MS,
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(IDLE_MS);
  const accept = (request: IncomingMessage, response: ServerResponse) => {
    const served = serve(request, response, options).finally(() => active.delete(served));
    active.add(served);
  };
  server.on("request", accept);
  server.on("checkContinue", accept);
  server.on("clientError", (cause: NodeJS.ErrnoException, socket: Socket) => {
    refuse(socket, options.malformed(reasonOf(cause.code)));
  });
  return server;
}

async function settledWithin(active: ReadonlySet<Promise<void>>, graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const graceOver = new Promise((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([Promise.all(active), graceOver]);
  clearTimeout(timer);
}

async function listen(server: Server, { host, port }: ServerOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const aborter = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) aborter.abort();
  });
  const upload = new Upload(request, response);
  const answer = await options.answer({
    method: request.method ?? "",
    target: request.url ?? "/",
    rawHeaders: request.rawHeaders,
    source: upload,
    signal: aborter.signal,
  });
  if (aborter.signal.aborted) return void response.destroy();
  try {
    await respond(upload, response, answer);
  } catch (cause) {
    // The status is out: all that can be said now is that the body is not complete.
    options.onBroken(cause);
    response.destroy();
  }
}

/** The body of a request: read on demand, or drained after an answer that did not need it. */
class Upload implements AsyncIterable<Uint8Array> {
  readonly request: IncomingMessage;
  readonly #response: ServerResponse;
  #isAwaited: boolean;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.#response = response;
    this.#isAwaited = request.headers.expect === undefined;
  }

  /** True if the client is sending, or about to send, what nobody has read. */
  get isUnread(): boolean {
    return !this.request.readableEnded && !this.request.complete;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (!this.#isAwaited) this.#response.writeContinue();
    this.#isAwaited = true;
    // Breaking off must not end the connection: the answer still has to go out.
    yield* this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  }

  /**
   * Reads and drops what is still coming, up to a limit. A client that sends its whole body before
   * it reads would otherwise see a reset connection instead of the answer.
   */
  drain(): Promise<void> {
    const { request } = this;
    if (!this.#isAwaited) return Promise.resolve();
    return new Promise((resolve) => {
      let countBytes = 0;
      const timer = setTimeout(resolve, DRAIN_MS);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      request.removeAllListeners("readable");
      request.on("data", (chunk: Uint8Array) => {
        countBytes += chunk.length;
        if (countBytes > DRAIN_BYTES_MAX) done();
      });
      for (const event of ["end", "close", "error"]) request.on(event, done);
    });
  }
}

async function respond(
  upload: Upload,
  response: ServerResponse,
  { status, headers = {}, body }: S3Response,
): Promise<void> {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (body !== undefined && typeof body !== "string") return sendBody(response, body);
  const text = upload.request.method === "HEAD" ? "" : (body ?? "");
  const isBodiless = status === 204 || status === 304 || response.hasHeader("content-length");
  if (!isBodiless) response.setHeader("content-length", Buffer.byteLength(text));
  if (upload.isUnread) {
    response.setHeader("connection", "close");
    response.flushHeaders();
    if (text !== "") response.write(text);
    await upload.drain();
    response.end();
  } else {
    response.end(text);
  }
}

async function sendBody(response: ServerResponse, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of body) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function reasonOf(code: string | undefined): "headers" | "body" | "syntax" {
  if (code === "HPE_HEADER_OVERFLOW") return "headers";
  return code === "HPE_INVALID_EOF_STATE" ? "body" : "syntax";
}

function refuse(socket: Socket, { status, headers = {}, body = "" }: S3Response): void {
  if (!socket.writable) return void socket.destroy();
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = typeof body === "string" ? body : "";
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\nconnection: close\r\n${lines.join("")}` +
      `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
