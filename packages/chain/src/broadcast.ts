import type { Message } from "@cess/consensus/votes";
import type { Network } from "@cess/network/network";
import type { Logger } from "@cess/runtime/logger";
import { type Body, type ChainProtocols, INLINE_BODY_BYTES_MAX } from "./messages.ts";

export interface BroadcastDeps {
  readonly network: Network;
  readonly protocols: ChainProtocols;
  readonly log: Logger;
}

/** Sends what this node signed. A small block goes with its proposal, a large one is fetched. */
export function createBroadcast(
  deps: BroadcastDeps,
): (message: Message, body: Body | undefined) => void {
  const { network, protocols, log } = deps;

  async function publish(message: Message, body: Body | undefined): Promise<void> {
    if (message.kind === "vote") return await network.publish(protocols.votes, message.vote);
    const isInline = body !== undefined && body.block.length <= INLINE_BODY_BYTES_MAX;
    const { proposal } = message;
    await network.publish(protocols.proposals, { proposal, body: isInline ? body : undefined });
  }

  return (message, body) => {
    publish(message, body).catch((cause: unknown) => {
      // Peers that miss it ask for it again.
      log.debug("message not published", { kind: message.kind, cause });
    });
  };
}
