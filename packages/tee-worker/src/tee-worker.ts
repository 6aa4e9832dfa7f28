import type { ChainSender } from "@cess/chain-client/chain";
import type { Directory } from "@cess/chain-client/directory";
import type { ChainSpec } from "@cess/params/chain-spec";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import type { AttestedKeys } from "@cess/protocol/attestation";
import { TEE_ROLE } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import type { Random } from "@cess/runtime/random";
import { composeServices, type Service } from "@cess/runtime/service";
import type { Hex } from "@cess/std/bytes";
import { createApiServer } from "@cess/storage-wire/api-server";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import { createTicketGate, type TicketGate } from "@cess/storage-wire/ticket-gate";
import { createWorkerMetrics } from "./metrics.ts";
import { ensureRegistered } from "./registration.ts";
import { createRoutes } from "./routes.ts";
import { loadWorkerKeys } from "./sealed-keys.ts";
import { createVerifier } from "./verifying.ts";

export interface TEEWorkerDeps {
  /** Sends as the account of the worker. */
  readonly chain: ChainSender;
  /** Started by whoever passes it in. */
  readonly directory: Directory;
  readonly pool: Podr2Pool;
  /** Evidence that keys live in an enclave. */
  readonly attest: (keys: AttestedKeys) => Promise<Uint8Array>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface TEEWorkerConfig {
  readonly spec: ChainSpec;
  /** Made at the first start. */
  readonly keyFile: string;
  /** One of `TEE_ROLE`. */
  readonly role: number;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** URL under which miners reach this worker; built from host and port if left out. */
  readonly publicEndpoint?: string;
}

export interface TEEWorker extends Service {
  readonly account: Hex;
  /** Known once started. */
  endpoint(): string;
}

/** A TEE worker: tags what it has hashed itself, signs for that, and judges proofs. */
export function createTEEWorker(deps: TEEWorkerDeps, config: TEEWorkerConfig): TEEWorker {
  const { chain, random, metrics, pool } = deps;
  const { spec } = config;
  const counts = createWorkerMetrics(metrics);
  let running: Service | undefined;
  let endpoint = config.publicEndpoint ?? "";

  async function start(): Promise<void> {
    if (running !== undefined) return;
    const log = deps.log.child({ service: "tee-worker", account: chain.account });
    if (spec.acceptsTestAttestation) log.warn("test attestation: no enclave", { spec: spec.name });
    const keys = await loadWorkerKeys(config.keyFile, random);
    const { account } = chain;
    const gate = createGate(deps, spec);
    const routes = createRoutes({
      chain,
      account,
      keys,
      pool,
      gate,
      metrics,
      counts,
      chainId: spec.chainId,
    });
    const server = createApiServer({ log }, { host: config.host, port: config.port, routes });
    const registration: Service = {
      async start() {
        endpoint = config.publicEndpoint ?? `http://${config.host}:${server.port()}`;
        await ensureRegistered({ chain, log }, { ...config, endpoint, keys, attest: deps.attest });
      },
      stop: async () => undefined,
    };
    const verifies = config.role !== TEE_ROLE.marker;
    const verifier = verifies ? [createVerifier({ ...deps, log, spec, counts })] : [];
    const services = composeServices([server, registration, ...verifier]);
    await services.start();
    running = services;
    log.info("TEE worker is up", { endpoint, tagKeyHash: keys.tagKeyHash });
  }

  return {
    account: chain.account,
    endpoint: () => endpoint,
    start,
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
}

/** Only registered miners are served. */
function createGate({ chain, clock, directory }: TEEWorkerDeps, spec: ChainSpec): TicketGate {
  return createTicketGate({
    chainId: spec.chainId,
    audience: chain.account,
    wallMs: () => clock.wallMs(),
    async rightsOf(account) {
      const roles = await directory.rolesOf(account);
      return roles.includes("miner") ? TICKET_RIGHTS.read : 0;
    },
  });
}
