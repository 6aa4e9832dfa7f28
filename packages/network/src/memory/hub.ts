import assert, { AssertionError } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { BoundedMap } from "@cess/std/bounded-map";
import { NetworkError } from "../error.ts";
import {
  createJudge,
  createResponder,
  decodeResponse,
  encodeGossip,
  encodeRequest,
  type Judge,
  type Responder,
  untilAborted,
} from "../exchange.ts";
import { GOSSIP_BYTES_MAX, type Network, type PeerId } from "../network.ts";

export interface MemoryHubDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** One message on its way from a node to another. */
export interface Delivery {
  readonly from: PeerId;
  readonly to: PeerId;
  /** Id of the topic or protocol. */
  readonly id: string;
}

export interface MemoryHubOptions {
  /** One-way delay of a delivery, in milliseconds; undefined loses it. Asked for each delivery. */
  readonly latencyMs: (delivery: Delivery) => number | undefined;
}

interface Member {
  readonly selfId: PeerId;
  readonly responders: ReadonlyMap<string, Responder>;
  readonly judges: ReadonlyMap<string, Judge>;
  /** Hashes of gossip that was heard. */
  readonly seen: BoundedMap<string, true>;
  readonly stopping: AbortSignal;
}

const SEEN_MAX = 4096;

/**
 * Joins the nodes of one process: everyone is everyone's peer, and everything crosses as bytes.
 *
 * Gossip goes straight from its publisher to each subscriber, so nothing needs to be passed on.
 */
export class MemoryHub {
  readonly #deps: MemoryHubDeps;
  readonly #options: MemoryHubOptions;
  readonly #members = new Map<PeerId, Member>();

  constructor(deps: MemoryHubDeps, options: MemoryHubOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  createNetwork(selfId: PeerId): Network {
    const responders = new Map<string, Responder>();
    const judges = new Map<string, Judge>();
    const members = this.#members;
    let stopping = new AbortController();
    const member = () => {
      const self = members.get(selfId);
      if (self === undefined) throw new NetworkError({ code: "NOT_RUNNING" });
      return self;
    };
    return {
      selfId,
      start: async () => {
        if (members.has(selfId)) return;
        stopping = new AbortController();
        const seen = new BoundedMap<string, true>(SEEN_MAX);
        members.set(selfId, { selfId, responders, judges, seen, stopping: stopping.signal });
      },
      stop: async () => {
        stopping.abort(new NetworkError({ code: "NOT_RUNNING" }));
        members.delete(selfId);
      },
      peers: () => [...members.keys()].filter((peerId) => peerId !== selfId),
      request: async (peerId, protocol, request, signal) => {
        const deadline = this.#deps.clock.deadline(protocol.timeoutMs);
        const signals = [deadline, member().stopping, ...(signal === undefined ? [] : [signal])];
        const context = { peerId: selfId, signal: AbortSignal.any(signals) };
        try {
          const sent = encodeRequest(protocol, request);
          const call = this.#call({ from: selfId, to: peerId, id: protocol.id }, sent, context);
          return decodeResponse(protocol, peerId, await untilAborted(call, context.signal));
        } catch (cause) {
          if (!deadline.aborted || cause instanceof NetworkError) throw cause;
          const detail = { code: "REQUEST_TIMEOUT", peerId, protocolId: protocol.id } as const;
          throw new NetworkError(detail, { cause });
        }
      },
      serve: (protocol, handler) => {
        assert(!responders.has(protocol.id), `${protocol.id} is served once`);
        responders.set(protocol.id, createResponder(this.#deps, protocol, handler));
      },
      publish: async (topic, message) => {
        assert(topic.messageBytesMax <= GOSSIP_BYTES_MAX);
        const sent = encodeGossip(topic, message);
        this.#gossip(member(), topic.id, sent);
      },
      subscribe: (topic, handler) => {
        assert(!judges.has(topic.id), `${topic.id} has one subscriber`);
        judges.set(topic.id, createJudge(this.#deps, topic, handler));
      },
    };
  }

  async #call(
    delivery: Delivery,
    request: Uint8Array,
    context: { readonly peerId: PeerId; readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const { from, to, id } = delivery;
    const lost = () => new NetworkError({ code: "PEER_UNREACHABLE", peerId: to });
    if (!(await this.#travel(delivery, context.signal))) throw lost();
    const target = this.#members.get(to);
    if (target === undefined) throw lost();
    const responder = target.responders.get(id);
    if (responder === undefined) {
      throw new NetworkError({ code: "REQUEST_FAILED", peerId: to, protocolId: id });
    }
    const signal = AbortSignal.any([context.signal, target.stopping]);
    const response = await untilAborted(responder(request, { peerId: from, signal }), signal);
    if (!(await this.#travel({ from: to, to: from, id }, context.signal))) throw lost();
    return response;
  }

  #gossip(source: Member, topicId: string, message: Uint8Array): void {
    const messageId = createHash("sha256").update(topicId).update(message).digest("base64");
    if (source.seen.get(messageId)) return;
    source.seen.set(messageId, true);
    for (const target of this.#members.values()) {
      if (target === source) continue;
      void this.#tell(source, target, { topicId, messageId, message });
    }
  }

  async #tell(
    source: Member,
    target: Member,
    gossip: { readonly topicId: string; readonly messageId: string; readonly message: Uint8Array },
  ): Promise<void> {
    const { topicId, messageId, message } = gossip;
    const judge = target.judges.get(topicId);
    if (judge === undefined) return;
    const delivery = { from: source.selfId, to: target.selfId, id: topicId };
    if (!(await this.#travel(delivery, target.stopping)) || target.seen.get(messageId)) return;
    target.seen.set(messageId, true);
    try {
      await judge(message, { peerId: source.selfId, signal: target.stopping });
    } catch (cause) {
      if (cause instanceof AssertionError) throw cause;
      this.#deps.log.warn("gossip handler failed", { topicId, cause });
    }
  }

  /** False if the message is lost on the way. */
  async #travel(delivery: Delivery, signal: AbortSignal): Promise<boolean> {
    const delayMs = this.#options.latencyMs(delivery);
    if (delayMs === undefined) return false;
    await this.#deps.clock.sleep(delayMs, signal);
    return !signal.aborted;
  }
}
