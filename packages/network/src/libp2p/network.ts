/**
 * The network over libp2p: TCP, TLS 1.3, yamux; gossipsub for topics, a stream for each request.
 *
 * Gossip messages carry no author: what matters in them is signed by its own rules. Equal bytes
 * have one id, so a message crosses each link once however many publish it.
 * @module
 */
import assert, { AssertionError } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Random } from "@cess/runtime/random";
import type { Connection, Ed25519PrivateKey, Libp2p, Stream } from "@libp2p/interface";
import { peerIdFromPrivateKey, peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { NetworkError } from "../error.ts";
import {
  createJudge,
  createResponder,
  decodeResponse,
  encodeGossip,
  encodeRequest,
  type Judge,
  type Responder,
  responseFrameBytesMax,
} from "../exchange.ts";
import {
  GOSSIP_BYTES_MAX,
  type GossipHandler,
  type Handler,
  type Network,
  type PeerId,
  type Protocol,
  type ProtocolLimits,
  type Topic,
} from "../network.ts";
import { BanList } from "./ban-list.ts";
import { type BootstrapPeer, createDialer } from "./dialer.ts";
import { identityOfSeed } from "./identity.ts";
import { receiveMessage, sendMessage } from "./message.ts";
import { createNode, type GossipNode } from "./node.ts";

export interface Libp2pNetworkDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Libp2pNetworkOptions {
  /** Seed of the node's ed25519 key, 32 bytes. */
  readonly identitySeed: Uint8Array;
  /** Such as `/ip4/0.0.0.0/tcp/26656`. */
  readonly listenAddresses: readonly string[];
  /** Such as `/ip4/10.0.0.1/tcp/26656/p2p/12D3…`: kept connected. */
  readonly bootstrapAddresses: readonly string[];
  readonly connectionsMax: number;
}

export interface Libp2pNetwork extends Network {
  /** Where this node can be dialled, with its peer id; empty before the start. */
  addresses(): readonly string[];
}

interface Service {
  readonly responder: Responder;
  readonly protocol: ProtocolLimits;
}

/** @throws NetworkError `IDENTITY_INVALID`, `ADDRESS_INVALID` */
export async function createLibp2pNetwork(
  deps: Libp2pNetworkDeps,
  options: Libp2pNetworkOptions,
): Promise<Libp2pNetwork> {
  const privateKey = await identityOfSeed(options.identitySeed);
  return new Libp2pNode(deps, options, privateKey);
}

class Libp2pNode implements Libp2pNetwork {
  readonly selfId: PeerId;
  readonly #deps: Libp2pNetworkDeps;
  readonly #options: Libp2pNetworkOptions;
  readonly #privateKey: Ed25519PrivateKey;
  readonly #bootstrap: readonly BootstrapPeer[];
  readonly #bans: BanList;
  readonly #services = new Map<string, Service>();
  readonly #judges = new Map<string, Judge>();
  #node: Libp2p<{ pubsub: GossipNode }> | undefined;
  #dialer: { stop(): Promise<void> } | undefined;
  #stopping = new AbortController();

  constructor(
    deps: Libp2pNetworkDeps,
    options: Libp2pNetworkOptions,
    privateKey: Ed25519PrivateKey,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#privateKey = privateKey;
    this.selfId = peerIdFromPrivateKey(privateKey).toString();
    this.#bootstrap = options.bootstrapAddresses.map(parseBootstrap).filter(({ peerId }) => {
      return peerId !== this.selfId;
    });
    this.#bans = new BanList(deps.clock);
  }

  async start(): Promise<void> {
    if (this.#node !== undefined) return;
    this.#stopping = new AbortController();
    const node = await createNode({
      privateKey: this.#privateKey,
      listenAddresses: this.#options.listenAddresses,
      connectionsMax: this.#options.connectionsMax,
      gossipBytesMax: GOSSIP_BYTES_MAX,
      messageId: (topicId, message) => {
        return new Uint8Array(createHash("sha256").update(topicId).update(message).digest());
      },
      isBanned: (peerId) => this.#bans.isBanned(peerId),
    });
    this.#node = node;
    for (const service of this.#services.values()) await this.#handle(node, service);
    await node.start();
    for (const [topicId, judge] of this.#judges) this.#listen(node, topicId, judge);
    const dialer = createDialer(
      {
        ...this.#deps,
        isConnected: (peerId) => node.getConnections(peerIdFromString(peerId)).length > 0,
        dial: async (address, signal) => {
          await node.dial(multiaddr(address), { signal });
        },
      },
      this.#bootstrap,
    );
    this.#dialer = dialer;
    await dialer.start();
  }

  async stop(): Promise<void> {
    const node = this.#node;
    this.#stopping.abort(new NetworkError({ code: "NOT_RUNNING" }));
    await this.#dialer?.stop();
    this.#node = undefined;
    await node?.stop();
  }

  addresses(): readonly string[] {
    return this.#node?.getMultiaddrs().map((address) => address.toString()) ?? [];
  }

  peers(): readonly PeerId[] {
    return this.#node?.getPeers().map((peerId) => peerId.toString()) ?? [];
  }

  async request<Request, Response>(
    peerId: PeerId,
    protocol: Protocol<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<Response> {
    const sent = encodeRequest(protocol, request);
    const connections = this.#running().getConnections(peerIdFromString(peerId));
    const connection = connections.find(({ status }) => status === "open");
    if (connection === undefined) throw new NetworkError({ code: "PEER_UNREACHABLE", peerId });
    const deadline = this.#deps.clock.deadline(protocol.timeoutMs);
    const signals = [deadline, this.#stopping.signal, ...(signal === undefined ? [] : [signal])];
    const received = await this.#exchange(connection, protocol, sent, AbortSignal.any(signals));
    if (received instanceof Uint8Array) return decodeResponse(protocol, peerId, received);
    const detail = { peerId, protocolId: protocol.id };
    const code = deadline.aborted ? "REQUEST_TIMEOUT" : "REQUEST_FAILED";
    throw new NetworkError({ code, ...detail }, { cause: received.cause });
  }

  serve<Request, Response>(
    protocol: Protocol<Request, Response>,
    handler: Handler<Request, Response>,
  ): void {
    assert(!this.#services.has(protocol.id), `${protocol.id} is served once`);
    assert(this.#node === undefined, "protocols are served from the start");
    const responder = createResponder(this.#deps, protocol, handler);
    this.#services.set(protocol.id, { protocol, responder });
  }

  async publish<Message>(topic: Topic<Message>, message: Message): Promise<void> {
    assert(topic.messageBytesMax <= GOSSIP_BYTES_MAX);
    const sent = encodeGossip(topic, message);
    await this.#running().services.pubsub.publish(topic.id, sent);
  }

  subscribe<Message>(topic: Topic<Message>, handler: GossipHandler<Message>): void {
    assert(!this.#judges.has(topic.id), `${topic.id} has one subscriber`);
    const judge = createJudge(this.#deps, topic, handler);
    this.#judges.set(topic.id, judge);
    if (this.#node !== undefined) this.#listen(this.#node, topic.id, judge);
  }

  #running(): Libp2p<{ pubsub: GossipNode }> {
    if (this.#node === undefined) throw new NetworkError({ code: "NOT_RUNNING" });
    return this.#node;
  }

  async #exchange(
    connection: Connection,
    protocol: ProtocolLimits,
    request: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array | { readonly cause: unknown }> {
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(protocol.id, { signal });
      const response = receiveMessage(stream, responseFrameBytesMax(protocol), signal);
      await Promise.all([sendMessage(stream, request, signal), response]);
      return await response;
    } catch (cause) {
      stream?.abort(asError(cause));
      return { cause };
    }
  }

  async #handle(node: Libp2p, { protocol, responder }: Service): Promise<void> {
    await node.handle(protocol.id, async (stream, connection) => {
      const left = new AbortController();
      const onClose = () => left.abort(new NetworkError({ code: "NOT_RUNNING" }));
      stream.addEventListener("close", onClose);
      const deadline = this.#deps.clock.deadline(protocol.timeoutMs);
      const signal = AbortSignal.any([deadline, this.#stopping.signal, left.signal]);
      const peerId = connection.remotePeer.toString();
      try {
        const request = await receiveMessage(stream, protocol.requestBytesMax, signal);
        await sendMessage(stream, await responder(request, { peerId, signal }), signal);
      } catch (cause) {
        stream.abort(asError(cause));
        if (cause instanceof AssertionError) crash(cause);
        this.#deps.log.debug("stream broke", { peerId, protocolId: protocol.id, cause });
      } finally {
        stream.removeEventListener("close", onClose);
      }
    });
  }

  #listen(node: Libp2p<{ pubsub: GossipNode }>, topicId: string, judge: Judge): void {
    const { pubsub } = node.services;
    pubsub.topicValidators.set(topicId, async (source, { data }) => {
      const peerId = source.toString();
      try {
        const verdict = await judge(data, { peerId, signal: this.#stopping.signal });
        if (verdict === "reject") this.#onReject(node, peerId, topicId);
        return verdict;
      } catch (cause) {
        crash(cause);
        return "ignore";
      }
    });
    pubsub.subscribe(topicId);
  }

  #onReject(node: Libp2p, peerId: PeerId, topicId: string): void {
    if (!this.#bans.onReject(peerId)) return;
    this.#deps.log.warn("peer banned for invalid messages", { peerId, topicId });
    node.hangUp(peerIdFromString(peerId)).catch((cause: unknown) => {
      this.#deps.log.debug("hang-up failed", { peerId, cause });
    });
  }
}

/** Ends the process: gossipsub would swallow a broken invariant. */
function crash(cause: unknown): void {
  queueMicrotask(() => {
    throw cause;
  });
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new NetworkError({ code: "NOT_RUNNING" }, { cause });
}

function parseBootstrap(address: string): BootstrapPeer {
  try {
    const peerId = multiaddr(address)
      .getComponents()
      .find(({ name }) => name === "p2p")?.value;
    if (peerId !== undefined) return { peerId: peerIdFromString(peerId).toString(), address };
  } catch (cause) {
    throw new NetworkError({ code: "ADDRESS_INVALID", address }, { cause });
  }
  throw new NetworkError({ code: "ADDRESS_INVALID", address });
}
