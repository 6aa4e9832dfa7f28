import type { Codec } from "@cess/codec/codec";
import type { Service } from "@cess/runtime/service";

/** Names a node for as long as it keeps its key. */
export type PeerId = string;

/** What a protocol is apart from its types. */
export interface ProtocolLimits {
  /** Negotiated id; the trailing number changes with any incompatible byte. */
  readonly id: string;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
  readonly timeoutMs: number;
  /** Requests that one peer may make per minute before it is refused. */
  readonly perPeerPerMinute: number;
}

/** All that a request/response protocol is, in one value: no handler repeats a limit or timeout. */
export interface Protocol<Request, Response> extends ProtocolLimits {
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

/** All that a gossip topic is, in one value. */
export interface Topic<Message> {
  readonly id: string;
  readonly message: Codec<Message>;
  /** At most {@link GOSSIP_BYTES_MAX}. */
  readonly messageBytesMax: number;
  /** Messages that one peer may pass on per minute; further ones are ignored. */
  readonly perPeerPerMinute: number;
}

export interface CallContext {
  readonly peerId: PeerId;
  /** Aborts when the peer leaves, the deadline passes, or the node stops. */
  readonly signal: AbortSignal;
}

/** Business logic only: typed in, typed out; it never sees a stream, a frame or a rate limit. */
export type Handler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response>;

/**
 * `accept` passes a message on; `ignore` drops it; `reject` drops it and counts against the peer
 * that passed it on.
 */
export type Verdict = "accept" | "ignore" | "reject";

export type GossipHandler<Message> = (
  message: Message,
  context: CallContext,
) => Verdict | Promise<Verdict>;

/** What a node knows of the others: a way to ask one, and a way to tell all. */
export interface Network extends Service {
  readonly selfId: PeerId;

  /** Peers that can be asked right now. */
  peers(): readonly PeerId[];

  /** @throws NetworkError for whatever keeps the answer from coming, the deadline included. */
  request<Request, Response>(
    peerId: PeerId,
    protocol: Protocol<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<Response>;

  /** Answers requests of `protocol`. A protocol is served once. */
  serve<Request, Response>(
    protocol: Protocol<Request, Response>,
    handler: Handler<Request, Response>,
  ): void;

  /**
   * Tells all subscribers, best effort: a message may be lost, and equal bytes are told once.
   *
   * @throws NetworkError `MESSAGE_TOO_LARGE`, `NOT_RUNNING`
   */
  publish<Message>(topic: Topic<Message>, message: Message): Promise<void>;

  /** Hears what others publish, never one's own. A topic has one subscriber. */
  subscribe<Message>(topic: Topic<Message>, handler: GossipHandler<Message>): void;
}

/** Larger things are announced by gossip and fetched by request. */
export const GOSSIP_BYTES_MAX: number = 1024 * 1024;
