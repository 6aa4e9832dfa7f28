/**
 * Ethereum JSON-RPC over HTTP and WebSocket on one port.
 * @module
 */
import type { AddressInfo } from "node:net";
import type { Random } from "@cess/runtime/random";
import type { Service } from "@cess/runtime/service";
import { describeCause } from "@cess/std/error";
import { MIB } from "@cess/std/units";
import fastify, { type FastifyInstance } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { ERROR_NUMBERS } from "./error.ts";
import type { RPCDeps } from "./method.ts";
import { createBlockMethods } from "./methods/blocks.ts";
import { createCessMethods } from "./methods/cess.ts";
import { createFeeMethods } from "./methods/fees.ts";
import { createFilterMethods } from "./methods/filters.ts";
import { createNodeMethods } from "./methods/node.ts";
import { createStateMethods } from "./methods/state.ts";
import { createSubscriptions } from "./subscriptions.ts";

export interface RPCServerDeps extends RPCDeps {
  readonly random: Random;
}

export interface RPCServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface RPCServer extends Service {
  /** `http://host:port`, once it has started. */
  readonly url: string;
}

export const BODY_BYTES_MAX: number = 2 * MIB;
/** Of all kinds; WebSockets among them. */
const HTTP_CONNECTIONS_MAX = 1024;
const CONNECTIONS_MAX = 256;
/** A client that reads more slowly than the chain grows is dropped at this much unsent. */
const UNSENT_BYTES_MAX: number = 16 * MIB;
const SUBSCRIPTION_ID_BYTES = 16;
const REQUEST_TIMEOUT_MS = 30_000;

export function createRPCServer(deps: RPCServerDeps, options: RPCServerOptions): RPCServer {
  const methods = {
    ...createBlockMethods(deps),
    ...createFeeMethods(deps),
    ...createStateMethods(deps),
    ...createFilterMethods(deps),
    ...createNodeMethods(deps),
    ...createCessMethods(deps),
  };
  const dispatcher = createDispatcher(deps, methods);
  const app = createHTTP(dispatcher);
  const sockets = createSockets(deps, app, dispatcher);
  let started: Promise<unknown> | undefined;

  return {
    get url() {
      const { port } = app.server.address() as AddressInfo;
      return `http://${options.host}:${port}`;
    },
    async start() {
      started ??= app.listen({ host: options.host, port: options.port });
      await started;
    },
    async stop() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await app.close();
    },
  };
}

function createHTTP(dispatcher: Dispatcher): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("access-control-allow-origin", "*");
    reply.header("access-control-allow-headers", "content-type");
    reply.header("access-control-allow-methods", "POST, GET, OPTIONS");
  });
  app.setErrorHandler(async (cause: Error & { readonly statusCode?: number }, _request, reply) => {
    const message = cause.statusCode === 413 ? "request body too large" : describeCause(cause);
    const error = { code: ERROR_NUMBERS.REQUEST_INVALID, message };
    return reply.status(cause.statusCode ?? 500).send({ jsonrpc: "2.0", id: null, error });
  });
  app.options("/", async (_request, reply) => reply.status(204).send());
  app.get("/", async () => ({ service: "cess json-rpc", transport: ["POST /", "websocket"] }));
  app.post("/", async ({ body }, reply) => {
    const response = await dispatcher.handle(typeof body === "string" ? body : "");
    if (response === undefined) return reply.status(204).send();
    return reply.type("application/json").send(response);
  });
  return app;
}

function createSockets(
  deps: RPCServerDeps,
  app: FastifyInstance,
  dispatcher: Dispatcher,
): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: BODY_BYTES_MAX });
  app.server.on("upgrade", (request, socket, head) => {
    if (sockets.clients.size >= CONNECTIONS_MAX) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => serve(deps, dispatcher, client));
  });
  return sockets;
}

/** Messages of one connection are answered in the order in which they came. */
function serve(deps: RPCServerDeps, dispatcher: Dispatcher, client: WebSocket): void {
  const randomId = () => deps.random.bytes(SUBSCRIPTION_ID_BYTES);
  const subscriptions = createSubscriptions({ ...deps, randomId }, send);
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;

  function send(text: string): void {
    if (client.bufferedAmount > UNSENT_BYTES_MAX) client.terminate();
    else client.send(text);
  }

  client.on("message", (data) => {
    waiting += 1;
    if (waiting > CONNECTIONS_MAX) {
      client.close(1008, "too many requests at once");
      return;
    }
    last = last.then(async () => {
      const response = await dispatcher.handle(data.toString(), subscriptions.methods);
      waiting -= 1;
      if (response !== undefined) send(response);
    });
  });
  client.on("error", () => client.terminate());
  client.on("close", () => subscriptions.close());
}
