/** A gateway that listens on a free port, with a store on disk and a network in memory. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { PROFILES } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { createGateway, type Gateway, type GatewayDeps } from "../gateway.ts";
import type { Credential } from "../index/credentials.ts";
import { openLMDBStore } from "../index/lmdb-store.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memory-file-store.ts";

export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly network: MemoryNetwork;
  readonly credential: Credential;
  readonly endpoint: string;
  readonly client: S3Client;
  clientWith(config: Partial<S3ClientConfig>): S3Client;
  /** Stops, closes the store, and starts anew on the same directory. */
  restart(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly network?: MemoryNetwork;
  readonly deps?: Partial<GatewayDeps>;
  readonly client?: Partial<S3ClientConfig>;
  readonly baseDomains?: readonly string[];
  /** Added to the calendar, in milliseconds. */
  readonly wallOffsetMs?: () => number;
}

export const TEST_ACCOUNT: Hex = `0x${"a1".repeat(20)}`;
export const TEST_TERRITORY: Hex = `0x${"b2".repeat(32)}`;
export const TEST_REGION = "eu-central-1";

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const path = mkdtempSync(join(tmpdir(), "cess-s3-"));
  const network = options.network ?? createMemoryNetwork();
  let running = await startGatewayOn(path, { ...options, network });
  const credential = await running.gateway.credentials.createCredential({
    account: TEST_ACCOUNT,
    territory: TEST_TERRITORY,
  });
  const clients: S3Client[] = [];
  const clientWith = (config: Partial<S3ClientConfig>) => {
    const endpoint = endpointOf(running.gateway);
    const client = createClient(endpoint, credential, { ...options.client, ...config });
    clients.push(client);
    return client;
  };
  return {
    network,
    credential,
    get gateway() {
      return running.gateway;
    },
    get endpoint() {
      return endpointOf(running.gateway);
    },
    get client() {
      return clientWith({});
    },
    clientWith,
    async restart() {
      await running.stop();
      running = await startGatewayOn(path, { ...options, network });
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await running.stop();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

export function createClient(
  endpoint: string,
  { accessKeyId, secretAccessKey }: Credential,
  config: Partial<S3ClientConfig> = {},
): S3Client {
  return new S3Client({
    endpoint,
    region: TEST_REGION,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
    ...config,
  });
}

function endpointOf({ port }: Gateway): string {
  return `http://127.0.0.1:${port}`;
}

export interface RunningGateway {
  readonly gateway: Gateway;
  stop(): Promise<void>;
}

/** Starts a gateway on the store at `path`. */
export async function startGatewayOn(
  path: string,
  options: TestGatewayOptions,
): Promise<RunningGateway> {
  const network = options.network ?? createMemoryNetwork();
  const metaStore = openLMDBStore({ path, sizeBytesMax: 256 * MIB });
  const offsetMs = options.wallOffsetMs ?? (() => 0);
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs() };
  const gateway = createGateway(
    {
      fileStore: network.fileStore,
      declarer: network.declarer,
      metaStore,
      masterKey: new Uint8Array(32).fill(7),
      clock,
      random: systemRandom,
      log: silentLogger,
      metrics: createPrometheusMetrics(),
      ...options.deps,
    },
    {
      host: "127.0.0.1",
      port: 0,
      adminPort: 0,
      region: TEST_REGION,
      baseDomains: options.baseDomains ?? ["s3.test"],
      defaultProfile: PROFILES.standard,
      concurrentRequestsMax: 500,
      declarations: { intervalMs: 5, retryMs: 20, refusedRetryMs: 50 },
    },
  );
  await gateway.start();
  const stop = async () => {
    await gateway.stop();
    await metaStore.close();
  };
  return { gateway, stop };
}
