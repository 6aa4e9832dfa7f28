/**
 * A node of the chain: agrees on blocks with its peers, or follows them, and keeps what is final.
 * @module
 */
import type { Evidence } from "@cess/consensus/evidence";
import type { TimeoutConfig } from "@cess/consensus/tendermint";
import type { Network } from "@cess/network/network";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import type { Random } from "@cess/runtime/random";
import { composeServices, type Service } from "@cess/runtime/service";
import { utf8ToBytes } from "@cess/std/bytes";
import type { Application, BlockFacts } from "./application.ts";
import { createBroadcast } from "./broadcast.ts";
import { Candidates } from "./candidates.ts";
import { type ChainStore, openChainStore } from "./chain-store.ts";
import { Intake } from "./intake.ts";
import { MachineHost } from "./machine-host.ts";
import { createMempool, type Mempool, type MempoolApplication } from "./mempool.ts";
import { type CommittedBlock, chainProtocols, consensusChainId } from "./messages.ts";
import { createChainMetrics } from "./metrics.ts";
import { SeatSigner, unknownSignRecord, type ValidatorKeys } from "./seat-signer.ts";
import { Sync, serveSync } from "./sync.ts";
import { createTransactionGossip } from "./transaction-gossip.ts";
import type { VerificationCache } from "./verification-cache.ts";

export interface ChainNodeDeps {
  readonly network: Network;
  readonly application: Application & MempoolApplication;
  /** Undefined for a node that follows without a vote. */
  readonly keys: ValidatorKeys | undefined;
  /** Nodes of one process share one, and so check each signature once. */
  readonly verifications: VerificationCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The node cannot go on; whoever runs it should end the process. */
  readonly onFatal: (cause: unknown) => void;
  /** Opens the node's memory; replaced where a test lets it fail. */
  readonly openStore?: typeof openChainStore;
}

export interface ChainNodeOptions {
  /** Of the journal and the certificates. */
  readonly directory: string;
  readonly chainId: number;
  readonly blockMs: number;
  readonly blockGasMax: number;
}

export interface CommittedEvent {
  readonly facts: BlockFacts;
  readonly block: CommittedBlock;
  readonly transactionHashes: readonly string[];
}

export interface ChainStatus {
  /** Of the last final block. */
  readonly height: bigint;
  /** Round that the next height is in. */
  readonly round: number;
  readonly step: string;
  readonly peerCount: number;
  readonly isSyncing: boolean;
  /** Seat in the committee of the next height. */
  readonly seat: number | undefined;
  readonly isHalted: boolean;
}

export interface ChainNode extends Service {
  readonly mempool: Mempool;
  status(): ChainStatus;
  /** Calls `listener` after each final block; the result ends that. */
  onCommitted(listener: (event: CommittedEvent) => void): () => void;
  /** Misbehaviour seen since the start, newest last. */
  evidence(): readonly Evidence[];
}

const EVIDENCE_MAX = 256;

/** Timeouts that suit a network that can agree in a fraction of a block time. */
export function timeoutsFor(blockMs: number): TimeoutConfig {
  return {
    proposeMs: 500 + blockMs,
    prevoteMs: 250 + blockMs / 4,
    precommitMs: 250 + blockMs / 4,
    perRoundMs: 250 + blockMs / 4,
  };
}

/**
 * Builds a node on an open application; the network is started and stopped with it. A node that
 * was stopped is not started again: build another.
 */
export async function createChainNode(
  deps: ChainNodeDeps,
  options: ChainNodeOptions,
): Promise<ChainNode> {
  const chainId = consensusChainId(options.chainId, deps.application.genesisHash);
  const open = deps.openStore ?? openChainStore;
  const store = await open({
    directory: options.directory,
    identity: utf8ToBytes(chainId),
    account: deps.keys?.account ?? "",
  });
  return composeNode(deps, options, { chainId, store });
}

function composeNode(
  deps: ChainNodeDeps,
  options: ChainNodeOptions,
  { chainId, store }: { readonly chainId: string; readonly store: ChainStore },
): ChainNode {
  const { network, application, keys, verifications, clock, random } = deps;
  const log = deps.log.child({ service: "chain" });
  const protocols = chainProtocols(chainId);
  const metrics = createChainMetrics(deps.metrics);
  const listeners = new Set<(event: CommittedEvent) => void>();
  const evidence: Evidence[] = [];
  let isHalted = false;

  const mempool = createMempool({ application, clock }, { blockGasMax: options.blockGasMax });
  const gossip = createTransactionGossip({ network, mempool, protocols, clock, log });
  const candidates = new Candidates({
    application,
    clock,
    log,
    verifications,
    transactions: () => mempool.pick(),
    onRejected: (hashes) => mempool.remove(hashes),
  });
  const signer = keys && new SeatSigner(keys, chainId, lastSigned(application, store, log));
  const hostDeps = { application, store, candidates, verifications, signer, clock, log };
  const timeouts = timeoutsFor(options.blockMs);
  const host = new MachineHost(
    hostDeps,
    { chainId, blockMs: options.blockMs, timeouts },
    {
      send: createBroadcast({ network, protocols, log }),
      heightStarted: () => intake.onHeightStarted(),
      async committed(facts, block, transactionHashes) {
        metrics.onCommitted(facts, block);
        await mempool.onCommitted(transactionHashes);
        for (const listener of listeners) listener({ facts, block, transactionHashes });
      },
      evidence: (found) => {
        log.warn("conflicting messages of one seat", { seat: found.first.seat, kind: found.kind });
        metrics.onEvidence();
        evidence.push(found);
        if (evidence.length > EVIDENCE_MAX) evidence.shift();
      },
      fatal: (cause) => {
        isHalted = true;
        deps.onFatal(cause);
      },
    },
  );
  const onPeerHeight: Sync["onPeerHeight"] = (peerId, height) => sync.onPeerHeight(peerId, height);
  const intake = new Intake({ network, host, protocols, verifications, onPeerHeight });
  const syncDeps = { network, host, intake, application, store, protocols, clock, random, log };
  const sync = new Sync(syncDeps, { patienceMs: Math.max(250, 1.5 * options.blockMs) });

  serveSync({ network, host, protocols, application, store });
  network.subscribe(protocols.votes, (vote, context) => intake.onVote(vote, context));
  network.subscribe(protocols.proposals, (message, context) => intake.onProposal(message, context));

  const services = composeServices([
    { start: async () => undefined, stop: () => store.close() },
    network,
    gossip,
    { start: () => host.start(), stop: () => host.stop() },
    sync,
  ]);
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    mempool,
    status: () => ({
      height: application.head().height,
      round: host.status.round,
      step: host.status.step,
      peerCount: network.peers().length,
      isSyncing: sync.isSyncing,
      seat: host.height?.self,
      isHalted,
    }),
    onCommitted(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    evidence: () => [...evidence],
  };
}

/** A store that does not know the head's commit was lost, and with it what was signed. */
function lastSigned(application: Application, store: ChainStore, log: Logger) {
  const { height } = application.head();
  const isLost = height > 0n && store.commitAt(height) === undefined;
  if (!isLost) return store.lastSigned();
  log.warn("the record of signatures is lost: this height passes unsigned", { height });
  return unknownSignRecord(height + 1n);
}
