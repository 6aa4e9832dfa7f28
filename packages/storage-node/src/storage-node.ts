import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ChainSender } from "@cess/chain-client/chain";
import type { AccountRole, Directory } from "@cess/chain-client/directory";
import type { ChainSpec } from "@cess/params/chain-spec";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import type { Random } from "@cess/runtime/random";
import { composeServices, type Service } from "@cess/runtime/service";
import type { Hex } from "@cess/std/bytes";
import { type ApiServer, createApiServer } from "@cess/storage-wire/api-server";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import { createTicketGate } from "@cess/storage-wire/ticket-gate";
import { createTicketIssuer, type TicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { Agent } from "undici";
import { FragmentFiles } from "./fragment-files.ts";
import { createHTTPFragmentSource } from "./fragment-source.ts";
import { FragmentStore } from "./fragment-store.ts";
import { Ledger } from "./ledger.ts";
import { createLossReporter } from "./losses.ts";
import { createNodeMetrics, type NodeMetrics } from "./metrics.ts";
import type { NodeContext } from "./node-context.ts";
import { createProvingLoop } from "./proving.ts";
import { createFileFollower, createReconciler } from "./reconciling.ts";
import { ensureRegistered } from "./registration.ts";
import { createRepairLoop } from "./repairing.ts";
import { createReportingLoop } from "./reporting.ts";
import { createRoutes } from "./routes.ts";
import { createScrubber } from "./scrubbing.ts";
import { createSweeper } from "./sweeping.ts";
import { createTaggingLoop, WorkerChoice } from "./tagging.ts";
import { createTEEClient } from "./tee-client.ts";
import { Watch } from "./watch.ts";
import { WorkerKeys } from "./worker-keys.ts";

export interface StorageNodeDeps {
  /** Sends as the account of the miner. */
  readonly chain: ChainSender;
  /** Started by whoever passes it in; nodes of one process may share it. */
  readonly directory: Directory;
  /** Shared by all nodes of a process, and stopped by whoever made it. */
  readonly pool: Podr2Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface StorageNodeConfig {
  readonly spec: ChainSpec;
  /** Key of the miner's account: signs the tickets with which it reads from others. */
  readonly privateKey: Uint8Array;
  readonly blsSecretKey: Uint8Array;
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** URL under which others reach this node; built from host and port if left out. */
  readonly publicEndpoint?: string;
  readonly region: string;
  readonly declaredBytes: number;
  /** Space of the disk that stays free. */
  readonly diskReserveBytes: number;
  /** Pause between two fragments that are read to see whether they are still whole. */
  readonly scrubIntervalMs: number;
}

export interface StorageNode extends Service {
  readonly account: Hex;
  /** Known once started. */
  endpoint(): string;
}

/** How often challenges and orders are looked at without an event of them. */
const LOOK_BLOCKS = 10;

const RIGHTS_OF_ROLE: Readonly<Record<AccountRole, number>> = {
  gateway: TICKET_RIGHTS.read | TICKET_RIGHTS.write,
  miner: TICKET_RIGHTS.read,
  worker: TICKET_RIGHTS.read,
};

/** A storage node: keeps fragments, serves them, proves that it has them, and repairs others. */
export function createStorageNode(deps: StorageNodeDeps, config: StorageNodeConfig): StorageNode {
  const { chain } = deps;
  const counts = createNodeMetrics(deps.metrics);
  let running: Service | undefined;
  let server: ApiServer | undefined;

  function endpoint(): string {
    return config.publicEndpoint ?? `http://${config.host}:${server?.port()}`;
  }

  async function start(): Promise<void> {
    if (running !== undefined) return;
    const log = deps.log.child({ service: "storage-node", account: chain.account });
    const folder = config.dataDirectory;
    const keysFolder = join(folder, "keys");
    await mkdir(keysFolder, { recursive: true });
    const dispatcher = new Agent({ connections: 16, keepAliveTimeout: 30_000 });
    const ledger = new Ledger(join(folder, "index"));
    const context = createContext({ ...deps, log }, config, {
      ledger,
      dispatcher,
      keysFolder,
      counts,
    });
    await context.store.open();
    const api = createServer(context, deps.metrics, config);
    server = api;
    const loops = createLoops(context, config, dispatcher);
    const wanted = () => ({ ...config, endpoint: endpoint() });
    const registration: Service = {
      start: () => ensureRegistered({ chain, log }, wanted()),
      stop: async () => undefined,
    };
    const resources: Service = {
      start: async () => undefined,
      async stop() {
        await dispatcher.destroy();
        await ledger.close();
      },
    };
    const services = composeServices([resources, api, registration, ...loops]);
    await services.start();
    running = services;
    log.info("storage node is up", { endpoint: endpoint(), fragmentCount: context.store.count });
  }

  return {
    account: chain.account,
    endpoint,
    start,
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
}

function createContext(
  deps: StorageNodeDeps,
  config: StorageNodeConfig,
  parts: {
    readonly ledger: Ledger;
    readonly dispatcher: Agent;
    readonly keysFolder: string;
    readonly counts: NodeMetrics;
  },
): NodeContext {
  const { clock, directory, pool } = deps;
  const { ledger, dispatcher, counts } = parts;
  const files = new FragmentFiles(config.dataDirectory);
  const limits = { capacityBytes: config.declaredBytes, reserveBytes: config.diskReserveBytes };
  const store = new FragmentStore({ files, ledger, clock, counts }, limits);
  const tickets = createIssuer(deps, config);
  const tee = createTEEClient({ dispatcher, clock, tickets });
  const workerKeys = new WorkerKeys({ directory, pool, tee, folder: parts.keysFolder });
  const { spec } = config;
  const watch = () => new Watch(clock, { intervalMs: LOOK_BLOCKS * spec.blockMs });
  const watches = { challenges: watch(), orders: watch() };
  return { ...deps, ...watches, spec, ledger, files, store, counts, tickets, tee, workerKeys };
}

function createIssuer(deps: StorageNodeDeps, config: StorageNodeConfig): TicketIssuer {
  return createTicketIssuer({
    chainId: config.spec.chainId,
    privateKey: config.privateKey,
    wallMs: () => deps.clock.wallMs(),
    randomBytes: (sizeBytes) => deps.random.bytes(sizeBytes),
  });
}

function createServer(
  context: NodeContext,
  metrics: Metrics,
  config: StorageNodeConfig,
): ApiServer {
  const { chain, clock, directory, ledger } = context;
  const gate = createTicketGate({
    chainId: config.spec.chainId,
    audience: chain.account,
    wallMs: () => clock.wallMs(),
    async rightsOf(account) {
      const roles = await directory.rolesOf(account);
      return roles.reduce((rights, role) => rights | RIGHTS_OF_ROLE[role], 0);
    },
  });
  const routes = createRoutes({
    ...context,
    gate,
    metrics,
    chainId: config.spec.chainId,
    account: chain.account,
    blsSecretKey: config.blsSecretKey,
    height: () => ledger.followedHeight ?? 0,
    unclaimedBlocks: config.spec.unclaimedBlocks,
  });
  return createApiServer(context, { host: config.host, port: config.port, routes });
}

function createLoops(
  context: NodeContext,
  config: StorageNodeConfig,
  dispatcher: Agent,
): readonly Service[] {
  const { clock, tickets } = context;
  const workers = new WorkerChoice(context);
  const source = createHTTPFragmentSource({ dispatcher, clock, tickets });
  return [
    createFileFollower(context),
    createReconciler(context),
    createTaggingLoop(context, workers),
    createReportingLoop(context),
    createProvingLoop(context),
    createRepairLoop(context, { source, workers }),
    createLossReporter(context),
    createSweeper(context),
    createScrubber(context, { intervalMs: config.scrubIntervalMs }),
  ];
}
