/**
 * Request/response as bytes in, bytes out: what every implementation of the network shares.
 *
 * A response is one status byte, then the encoded response if the status is 0.
 * @module
 */
import assert, { AssertionError } from "node:assert/strict";
import { type Codec, CodecError, decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { concatBytes } from "@cess/std/bytes";
import { NetworkError, type RefusalReason } from "./error.ts";
import type {
  CallContext,
  GossipHandler,
  Handler,
  Protocol,
  ProtocolLimits,
  Topic,
  Verdict,
} from "./network.ts";
import { RateLimiter } from "./rate-limiter.ts";

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers one request. Never rejects for anything a peer can cause. */
export type Responder = (request: Uint8Array, context: CallContext) => Promise<Uint8Array>;

/** Judges one gossip message. Never rejects for anything a peer can cause. */
export type Judge = (message: Uint8Array, context: CallContext) => Promise<Verdict>;

const STATUS_OK = 0;
const REFUSALS: readonly RefusalReason[] = ["rateLimited", "malformed", "failed"];

/** Largest response frame of `protocol`. */
export function responseFrameBytesMax(protocol: ProtocolLimits): number {
  return 1 + protocol.responseBytesMax;
}

export function createResponder<Request, Response>(
  deps: ExchangeDeps,
  protocol: Protocol<Request, Response>,
  handler: Handler<Request, Response>,
): Responder {
  const limiter = new RateLimiter(deps.clock, protocol.perPeerPerMinute);
  return async (received, context) => {
    if (!limiter.take(context.peerId)) return refusal("rateLimited");
    if (received.length > protocol.requestBytesMax) return refusal("malformed");
    try {
      const request = decode(protocol.request, received);
      const response = encode(protocol.response, await handler(request, context));
      assert(response.length <= protocol.responseBytesMax, `${protocol.id} answers within bounds`);
      return concatBytes(Uint8Array.of(STATUS_OK), response);
    } catch (cause) {
      if (cause instanceof AssertionError) throw cause; // Our bug, not the peer's.
      if (cause instanceof CodecError) return refusal("malformed");
      deps.log.debug("request not served", { protocolId: protocol.id, cause });
      return refusal("failed");
    }
  };
}

/** @throws NetworkError `MESSAGE_TOO_LARGE` */
export function encodeRequest<Request>(
  protocol: ProtocolLimits & { readonly request: Codec<Request> },
  request: Request,
): Uint8Array {
  const encoded = encode(protocol.request, request);
  if (encoded.length <= protocol.requestBytesMax) return encoded;
  const { id, requestBytesMax } = protocol;
  throw new NetworkError({ code: "MESSAGE_TOO_LARGE", id, sizeBytesMax: requestBytesMax });
}

/** @throws NetworkError `REQUEST_REFUSED`, `RESPONSE_MALFORMED` */
export function decodeResponse<Response>(
  protocol: ProtocolLimits & { readonly response: Codec<Response> },
  peerId: string,
  frame: Uint8Array,
): Response {
  const from = { peerId, protocolId: protocol.id };
  const status = frame[0];
  if (status !== undefined && status !== STATUS_OK) {
    const reason = REFUSALS[status - 1];
    if (reason !== undefined) throw new NetworkError({ code: "REQUEST_REFUSED", ...from, reason });
  }
  try {
    if (status === STATUS_OK) return decode(protocol.response, frame.subarray(1));
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new NetworkError({ code: "RESPONSE_MALFORMED", ...from }, { cause });
  }
  throw new NetworkError({ code: "RESPONSE_MALFORMED", ...from });
}

export function createJudge<Message>(
  deps: ExchangeDeps,
  topic: Topic<Message>,
  handler: GossipHandler<Message>,
): Judge {
  const limiter = new RateLimiter(deps.clock, topic.perPeerPerMinute);
  return async (received, context) => {
    if (!limiter.take(context.peerId)) return "ignore";
    if (received.length > topic.messageBytesMax) return "reject";
    try {
      return await handler(decode(topic.message, received), context);
    } catch (cause) {
      if (cause instanceof AssertionError) throw cause;
      if (cause instanceof CodecError) return "reject";
      deps.log.debug("gossip not judged", { topicId: topic.id, cause });
      return "ignore";
    }
  };
}

/** @throws NetworkError `MESSAGE_TOO_LARGE` */
export function encodeGossip<Message>(topic: Topic<Message>, message: Message): Uint8Array {
  const encoded = encode(topic.message, message);
  if (encoded.length <= topic.messageBytesMax) return encoded;
  const { id, messageBytesMax } = topic;
  throw new NetworkError({ code: "MESSAGE_TOO_LARGE", id, sizeBytesMax: messageBytesMax });
}

/** Settles like `task`, or rejects as soon as `signal` aborts. */
export function untilAborted<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    task.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function refusal(reason: RefusalReason): Uint8Array {
  return Uint8Array.of(1 + REFUSALS.indexOf(reason));
}
