import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Random } from "@cess/runtime/random";
import { asBuffer } from "@cess/std/bytes";
import { KIB } from "@cess/std/units";
import type { Authenticate, Authentication } from "./auth/authenticator.ts";
import { openBody } from "./body/body.ts";
import { S3Error, s3Error } from "./error.ts";
import { errorResponse } from "./error-document.ts";
import { headerMapOf, headerSizeBytes } from "./http/headers.ts";
import { parseRequest, type S3Request } from "./http/request.ts";
import type { S3Response } from "./http/response.ts";
import type { Exchange } from "./http/server.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { type CORSRule, corsHeadersFor, parseCORS, preflight } from "./operations/cors.ts";
import type { OperationDeps } from "./operations/operation.ts";
import { routeOf } from "./operations/router.ts";
import { assertSupported } from "./operations/supported.ts";

export interface HandlerDeps {
  readonly authenticate: Authenticate;
  readonly operations: OperationDeps;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: GatewayMetrics;
}

export interface HandlerOptions {
  readonly baseDomains: readonly string[];
  /** Requests worked on at once; more are told to slow down. */
  readonly concurrentMax: number;
}

const HEADER_BYTES_MAX = 8 * KIB;
const REQUEST_ID_BYTES = 8;

/** One request from its headers to its response: parse, authenticate, route, run. */
export function createHandler(
  deps: HandlerDeps,
  options: HandlerOptions,
): (exchange: Exchange) => Promise<S3Response> {
  let activeCount = 0;

  async function run(exchange: Exchange, trace: Trace): Promise<S3Response> {
    if (activeCount > options.concurrentMax) throw s3Error("SlowDown");
    if (headerSizeBytes(exchange.rawHeaders) > HEADER_BYTES_MAX) {
      throw new S3Error({
        code: "RequestHeaderSectionTooLarge",
        fields: { MaxSizeAllowed: String(HEADER_BYTES_MAX) },
      });
    }
    const headers = headerMapOf(exchange.rawHeaders);
    const request = parseRequest({ ...exchange, headers }, options.baseDomains);
    trace.resource = request.path;
    trace.request = request;
    if (request.method === "OPTIONS") return preflight(rulesOf(request), headers);
    const authentication = deps.authenticate(request);
    const route = routeOf(request);
    trace.operation = route.name;
    assertSupported(request);
    return route.run(deps.operations, callOf(request, authentication, exchange));
  }

  /** Rules that the bucket's owner set for browsers; a missing bucket has none. */
  function rulesOf({ bucket }: S3Request): readonly CORSRule[] {
    if (bucket === undefined) return [];
    const { buckets } = deps.operations;
    try {
      const document = buckets.setting(buckets.get(bucket), "cors");
      return document === undefined ? [] : parseCORS(document);
    } catch (cause) {
      if (cause instanceof S3Error) return [];
      throw cause;
    }
  }

  function callOf(request: S3Request, { identity, payload }: Authentication, exchange: Exchange) {
    if (identity === undefined) throw s3Error("AccessDenied");
    const source = counted(exchange.source, (count) => deps.metrics.receivedBytes.inc({}, count));
    return {
      request,
      identity,
      signal: exchange.signal,
      openBody: (sizeBytesMax: number) =>
        openBody({ headers: request.headers, payload, source, sizeBytesMax }),
    };
  }

  return async (exchange) => {
    const requestId = asBuffer(deps.random.bytes(REQUEST_ID_BYTES)).toString("hex").toUpperCase();
    const trace: Trace = { operation: "Unknown", resource: exchange.target };
    const startMs = deps.clock.nowMs();
    activeCount += 1;
    let response: S3Response;
    try {
      response = await run(exchange, trace);
    } catch (cause) {
      response = errorResponse(cause, { requestId, resource: trace.resource });
      logFailure(deps.log, cause, { requestId, operation: trace.operation });
    } finally {
      activeCount -= 1;
    }
    deps.metrics.requestSeconds.observe((deps.clock.nowMs() - startMs) / 1000);
    deps.metrics.requests.inc({ operation: trace.operation, status: String(response.status) });
    const { request } = trace;
    const isCrossOrigin = request?.headers.has("origin") === true && request.method !== "OPTIONS";
    const headers = {
      ...response.headers,
      ...(isCrossOrigin ? corsHeadersFor(rulesOf(request), request.headers, request.method) : {}),
      "x-amz-request-id": requestId,
      "x-amz-id-2": requestId,
      server: "CESS",
    };
    const { body } = response;
    if (body === undefined || typeof body === "string") return { ...response, headers };
    const sent = counted(body, (count) => deps.metrics.sentBytes.inc({}, count));
    return { ...response, headers, body: sent };
  };
}

/** What is known of a request as it goes along, for its log line. */
interface Trace {
  operation: string;
  resource: string;
  /** Once its address is understood. */
  request?: S3Request;
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    count(piece.length);
    yield piece;
  }
}

function logFailure(log: Logger, cause: unknown, fields: Readonly<Record<string, string>>): void {
  if (!(cause instanceof S3Error)) {
    log.error("request failed", { ...fields, cause });
  } else if (cause.status >= 500) {
    log.warn("request refused", { ...fields, cause: cause.cause ?? cause });
  } else {
    log.debug("request refused", { ...fields, code: cause.detail.code });
  }
}
