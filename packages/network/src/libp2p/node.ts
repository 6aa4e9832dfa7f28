import { gossipsub, StrictNoSign } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { Ed25519PrivateKey, Libp2p } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import type { PeerId, Verdict } from "../network.ts";

/** The part of gossipsub that is used here. */
export interface GossipNode {
  readonly topicValidators: Map<
    string,
    (source: { toString(): string }, message: { data: Uint8Array }) => Promise<Verdict>
  >;
  subscribe(topicId: string): void;
  publish(topicId: string, message: Uint8Array): Promise<unknown>;
}

export interface NodeOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly listenAddresses: readonly string[];
  readonly connectionsMax: number;
  readonly gossipBytesMax: number;
  readonly messageId: (topicId: string, message: Uint8Array) => Uint8Array;
  readonly isBanned: (peerId: PeerId) => boolean;
}

/** Nodes of one operator, or of one test, share an address. */
const INBOUND_PER_SECOND_PER_HOST_MAX = 50;
const RPC_OVERHEAD_BYTES = 64 * 1024;

/** Wires up libp2p, not yet started. */
export async function createNode(options: NodeOptions): Promise<Libp2p<{ pubsub: GossipNode }>> {
  const isBanned = (peerId: { toString(): string }) => options.isBanned(peerId.toString());
  return await createLibp2p({
    start: false,
    privateKey: options.privateKey,
    addresses: { listen: [...options.listenAddresses] },
    transports: [tcp({ dialOpts: { noDelay: true }, listenOpts: { noDelay: true } })],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: options.connectionsMax,
      inboundConnectionThreshold: INBOUND_PER_SECOND_PER_HOST_MAX,
    },
    connectionGater: {
      denyDialPeer: isBanned,
      denyInboundEncryptedConnection: isBanned,
      // Private networks and single machines are as welcome as the public internet.
      denyDialMultiaddr: () => false,
    },
    services: {
      identify: identify(),
      pubsub: (components: Parameters<ReturnType<typeof gossipsub>>[0]) =>
        gossipsub({
          globalSignaturePolicy: StrictNoSign,
          msgIdFn: ({ topic, data }) => options.messageId(topic, data),
          allowPublishToZeroTopicPeers: true,
          ignoreDuplicatePublishError: true,
          floodPublish: true,
          fallbackToFloodsub: false,
          emitSelf: false,
          maxInboundDataLength: options.gossipBytesMax + RPC_OVERHEAD_BYTES,
        })(components) as unknown as GossipNode,
    },
  });
}
