/**
 * JSON-RPC 2.0: single requests and batches, from text to text.
 * @see https://www.jsonrpc.org/specification
 * @module
 */
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import { Semaphore } from "@cess/std/semaphore";
import { type ErrorObject, RPCError } from "./error.ts";
import { isInternal, toErrorObject } from "./error-object.ts";
import type { Method, Methods } from "./method.ts";

export const BATCH_COUNT_MAX = 100;
/** Requests that are worked on at once, of all connections; the EVM has one thread anyway. */
const CONCURRENCY_MAX = 16;
const WAITING_MAX = 1000;

export interface Dispatcher {
  /** The response to one message; undefined if it only notified. `extra` methods go first. */
  handle(text: string, extra?: Methods): Promise<string | undefined>;
}

type Id = string | number | null;

interface Response {
  readonly jsonrpc: "2.0";
  readonly id: Id;
  readonly result?: unknown;
  readonly error?: ErrorObject;
}

export function createDispatcher(
  deps: { readonly log: Logger; readonly metrics: Metrics },
  methods: Methods,
): Dispatcher {
  const table = new Map<string, Method>(Object.entries(methods));
  const turns = new Semaphore(CONCURRENCY_MAX);
  const requests = deps.metrics.counter("cess_rpc_requests_count", "Requests by outcome.", [
    "outcome",
  ]);

  async function answer(request: unknown, extra: Methods): Promise<Response | undefined> {
    let id: Id = null;
    try {
      const { method, params, ...rest } = readRequest(request);
      id = rest.id ?? null;
      const run = Object.hasOwn(extra, method) ? extra[method] : table.get(method);
      if (run === undefined) throw new RPCError({ code: "METHOD_UNKNOWN", method });
      const result = await runInTurn(() => run(params));
      requests.inc({ outcome: "answered" });
      return rest.id === undefined ? undefined : { jsonrpc: "2.0", id, result: result ?? null };
    } catch (cause) {
      requests.inc({ outcome: isInternal(cause) ? "failed" : "refused" });
      if (isInternal(cause)) deps.log.error("request failed", { cause });
      return { jsonrpc: "2.0", id, error: toErrorObject(cause) };
    }
  }

  async function runInTurn(run: () => unknown): Promise<unknown> {
    if (turns.waitingCount >= WAITING_MAX) {
      throw new RPCError({ code: "LIMIT_EXCEEDED", reason: "too many requests wait" });
    }
    return turns.run(async () => run());
  }

  async function answerBatch(batch: readonly unknown[], extra: Methods): Promise<string> {
    if (batch.length === 0) throw new RPCError({ code: "REQUEST_INVALID", reason: "empty batch" });
    if (batch.length > BATCH_COUNT_MAX) {
      const reason = `more than ${BATCH_COUNT_MAX} requests in a batch`;
      throw new RPCError({ code: "LIMIT_EXCEEDED", reason });
    }
    const responses: Response[] = [];
    for (const request of batch) {
      const response = await answer(request, extra);
      if (response !== undefined) responses.push(response);
    }
    return responses.length === 0 ? "" : JSON.stringify(responses);
  }

  return {
    async handle(text, extra = {}) {
      try {
        const message = parse(text);
        const response = Array.isArray(message)
          ? await answerBatch(message, extra)
          : await answer(message, extra);
        if (response === undefined || response === "") return undefined;
        return typeof response === "string" ? response : JSON.stringify(response);
      } catch (cause) {
        if (!(cause instanceof RPCError)) throw cause;
        return JSON.stringify({ jsonrpc: "2.0", id: null, error: toErrorObject(cause) });
      }
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RPCError({ code: "JSON_MALFORMED" }, { cause });
  }
}

interface Request {
  /** Undefined in a notification. */
  readonly id: Id | undefined;
  readonly method: string;
  readonly params: readonly unknown[];
}

function readRequest(value: unknown): Request {
  if (typeof value !== "object" || value === null) throw malformed("not an object");
  const { id, method, params = [], jsonrpc } = value as Readonly<Record<string, unknown>>;
  if (jsonrpc !== "2.0") throw malformed('"jsonrpc" is not "2.0"');
  if (typeof method !== "string" || method.length > 100) throw malformed("no method");
  if (!Array.isArray(params)) throw malformed("params are not a list");
  const isId = id === undefined || id === null || typeof id === "string" || typeof id === "number";
  if (!isId) throw malformed("id");
  return { id, method, params };
}

function malformed(reason: string): RPCError {
  return new RPCError({ code: "REQUEST_INVALID", reason });
}
