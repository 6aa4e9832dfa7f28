/**
 * Catching up: asks peers where they are, fetches what is missing, and repeats what got lost.
 * @module
 */
import { ConsensusError } from "@cess/consensus/error";
import { NetworkError } from "@cess/network/error";
import type { Network, PeerId } from "@cess/network/network";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Random } from "@cess/runtime/random";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import { hasCode } from "@cess/std/error";
import type { Application } from "./application.ts";
import type { ChainStore } from "./chain-store.ts";
import type { Intake } from "./intake.ts";
import type { MachineHost } from "./machine-host.ts";
import {
  type BlocksRequest,
  type ChainProtocols,
  type CommittedBlock,
  type ProgressRequest,
  type ProgressResponse,
  REPEATED_MESSAGES_MAX,
  SYNC_BLOCKS_MAX,
  SYNC_BYTES_MAX,
} from "./messages.ts";

export interface SyncDeps {
  readonly network: Network;
  readonly host: MachineHost;
  readonly intake: Intake;
  readonly application: Application;
  readonly store: ChainStore;
  readonly protocols: ChainProtocols;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface SyncOptions {
  /** Time without progress after which a peer is asked what it knows. */
  readonly patienceMs: number;
}

const INTERVAL_MIN_MS = 50;
const PEERS_MAX = 1024;
/** A peer that sent what does not verify is not asked again for this long. */
const DISTRUST_MS = 60_000;

export class Sync implements Service {
  readonly #deps: SyncDeps;
  readonly #patienceMs: number;
  readonly #loop: Service;
  /** Heights that peers work on. */
  readonly #heights = new BoundedMap<PeerId, bigint>(PEERS_MAX);
  readonly #distrustedUntilMs = new BoundedMap<PeerId, number>(PEERS_MAX);
  #isSyncing = false;
  #lastPlace = "";
  #lastProgressMs = 0;

  constructor(deps: SyncDeps, { patienceMs }: SyncOptions) {
    this.#deps = deps;
    this.#patienceMs = patienceMs;
    this.#loop = createLoop(deps, {
      name: "sync",
      intervalMs: Math.max(INTERVAL_MIN_MS, patienceMs / 4),
      work: (signal) => this.#work(signal),
    });
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** True while blocks are fetched rather than agreed on. */
  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** A peer was heard to work on `height`, so it has all blocks before. */
  onPeerHeight(peerId: PeerId, height: bigint): void {
    if (height > (this.#heights.get(peerId) ?? 0n)) this.#heights.set(peerId, height);
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { host, clock } = this.#deps;
    const { height, round, step } = host.status;
    const place = `${height}/${round}/${step}`;
    if (place !== this.#lastPlace) {
      this.#lastPlace = place;
      this.#lastProgressMs = clock.nowMs();
    }
    const isStuck = clock.nowMs() - this.#lastProgressMs >= this.#patienceMs;
    // One height ahead is the usual lead of a fast peer; more, or time, says that we missed it.
    const peerId = this.#peerAhead(isStuck ? 1n : 2n);
    this.#isSyncing = peerId !== undefined;
    if (peerId !== undefined) await this.#guarded(peerId, () => this.#fetchBlocks(peerId, signal));
    else if (isStuck) await this.#askAround(signal);
  }

  #trusted(): readonly PeerId[] {
    const { network, clock } = this.#deps;
    const nowMs = clock.nowMs();
    return network.peers().filter((id) => (this.#distrustedUntilMs.get(id) ?? 0) <= nowMs);
  }

  #peerAhead(byHeights: bigint): PeerId | undefined {
    const own = this.#deps.host.height?.height;
    if (own === undefined) return undefined;
    return this.#drawn(
      this.#trusted().filter((peerId) => (this.#heights.get(peerId) ?? 0n) >= own + byHeights),
    );
  }

  #drawn(peers: readonly PeerId[]): PeerId | undefined {
    return peers[this.#deps.random.below(Math.max(1, peers.length))];
  }

  async #askAround(signal: AbortSignal): Promise<void> {
    const { host, intake, network, protocols, clock } = this.#deps;
    this.#lastProgressMs = clock.nowMs();
    const peerId = this.#drawn(this.#trusted());
    const height = host.height?.height;
    if (peerId === undefined || height === undefined) return;
    await this.#guarded(peerId, async () => {
      const answer = await network.request(peerId, protocols.progress, { height }, signal);
      this.#heights.set(peerId, answer.height);
      if (answer.height === height) await intake.onRepeated(answer.messages, { peerId, signal });
      if (answer.height > height) this.#lastProgressMs = 0;
      const lacksCommit = host.lastCommit.certificate === undefined && height > 1n;
      if (lacksCommit && answer.height >= height) await this.#fetchLastCommit(peerId, signal);
    });
  }

  /** The block is here, but not why it is final: the next proposer has to show that. */
  async #fetchLastCommit(peerId: PeerId, signal: AbortSignal): Promise<void> {
    const { host, application, network, protocols } = this.#deps;
    const request = { firstHeight: application.head().height, count: 1 };
    const [block] = await network.request(peerId, protocols.blocks, request, signal);
    if (block !== undefined) await host.adoptCommit(block.commit);
  }

  async #fetchBlocks(peerId: PeerId, signal: AbortSignal): Promise<void> {
    const { host, network, protocols, log } = this.#deps;
    while (!signal.aborted) {
      const firstHeight = host.height?.height;
      if (firstHeight === undefined || (this.#heights.get(peerId) ?? 0n) <= firstHeight) return;
      const request = { firstHeight, count: SYNC_BLOCKS_MAX };
      const blocks = await network.request(peerId, protocols.blocks, request, signal);
      for (const block of blocks) await host.appendCommitted(block);
      log.debug("blocks fetched", { peerId, firstHeight, count: blocks.length });
      if (host.height?.height !== firstHeight) continue;
      this.#heights.delete(peerId); // It does not have what it claimed.
      return;
    }
  }

  async #guarded(peerId: PeerId, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (cause) {
      this.#heights.delete(peerId);
      if (cause instanceof NetworkError) return;
      const isBad =
        cause instanceof ConsensusError || hasCode(cause, "BLOCK_REFUSED", "BLOCK_INVALID");
      if (!isBad) throw cause;
      this.#distrustedUntilMs.set(peerId, this.#deps.clock.nowMs() + DISTRUST_MS);
      this.#deps.log.warn("peer sent what does not verify", { peerId, cause });
    }
  }
}

/** Answers what other nodes ask when they catch up. */
export function serveSync(
  deps: Pick<SyncDeps, "network" | "host" | "protocols" | "application" | "store">,
): void {
  const { network, host, protocols, application, store } = deps;

  network.serve(protocols.body, async (valueId) => host.body(valueId));

  network.serve(protocols.progress, async (request: ProgressRequest): Promise<ProgressResponse> => {
    const height = host.height?.height ?? application.head().height;
    const messages = request.height === height ? host.messages() : [];
    return { height, messages: messages.slice(0, REPEATED_MESSAGES_MAX) };
  });

  network.serve(protocols.blocks, async ({ firstHeight, count }: BlocksRequest) => {
    const blocks: CommittedBlock[] = [];
    const last = application.head().height;
    let sizeBytes = 0;
    for (let height = firstHeight; height <= last && height > 0n; height += 1n) {
      const commit = store.commitAt(height);
      if (commit === undefined) break;
      const block = application.blockBytes(height);
      const parentCertificate = store.commitAt(height - 1n)?.certificate;
      sizeBytes += block.length;
      if (blocks.length > 0 && sizeBytes > SYNC_BYTES_MAX) break;
      blocks.push({ body: { block, parentCertificate }, commit });
      if (blocks.length >= Math.min(count, SYNC_BLOCKS_MAX)) break;
    }
    return blocks;
  });
}
