import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Directory, freeBytesOf, type Miner } from "@cess/chain-client/directory";
import { PROFILES } from "@cess/params/profile";
import type { Logger } from "@cess/runtime/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { createGateway, type Gateway } from "@cess/s3/gateway";
import { openLMDBStore } from "@cess/s3/index/lmdb-store";
import { hexToBytes } from "@cess/std/bytes";
import { GIB } from "@cess/std/units";
import { createChainDeclarer } from "@cess/storage-client/chain-declarer";
import { FileLocator } from "@cess/storage-client/file-locator";
import type { FileStore } from "@cess/storage-client/file-store";
import { createNetworkFileStore } from "@cess/storage-client/network-file-store";
import { createNodeClient } from "@cess/storage-client/node-client";
import { NodeHealth } from "@cess/storage-client/node-health";
import type { MinerDirectory, StorageMiner } from "@cess/storage-client/placement";
import { guardTerritories } from "@cess/storage-client/territory-guard";
import { createTicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { Agent } from "undici";
import type { ConfigOf } from "../config.ts";
import { loadOrCreateKey } from "../keys.ts";
import type { Role } from "../role.ts";
import type { RoleShared } from "../shared.ts";
import { createFollowerBase, type FollowerBase } from "./follower.ts";

const CONCURRENT_REQUESTS_MAX = 512;
const DECLARATIONS = { intervalMs: 50, retryMs: 1_000, refusedRetryMs: 10_000 } as const;
/** Connections to one storage node; each carries one request at a time. */
const CONNECTIONS_PER_NODE = 64;
const INDEX_BYTES_MAX = 64 * GIB;

/** A DeOSS gateway: S3 in front, storage nodes and the chain behind. */
export async function createGatewayRole(
  config: ConfigOf<"gateway">,
  log: Logger,
  shared: RoleShared,
): Promise<Role> {
  const base = await createFollowerBase(config, log, shared);
  const directory = await shared.directory({ rpcUrl: config.rpcUrl, spec: base.spec });
  await mkdir(config.dataDir, { recursive: true });
  const masterKey = await loadOrCreateKey(join(config.dataDir, "master.json"), "symmetric");
  const metaStore = openLMDBStore({
    path: join(config.dataDir, "index"),
    sizeBytesMax: INDEX_BYTES_MAX,
  });
  const dispatcher = new Agent({ connections: CONNECTIONS_PER_NODE });
  const gateway = createGateway(
    {
      fileStore: createStore(base, directory, dispatcher),
      declarer: createChainDeclarer(base.chain),
      metaStore,
      masterKey: masterKey.secret,
      clock: systemClock,
      random: systemRandom,
      log,
      metrics: createPrometheusMetrics(),
    },
    {
      ...config.listen,
      adminPort: config.adminPort,
      region: config.s3Region,
      baseDomains: config.baseDomain === undefined ? [] : [config.baseDomain],
      defaultProfile: PROFILES[config.profile],
      concurrentRequestsMax: CONCURRENT_REQUESTS_MAX,
      declarations: DECLARATIONS,
    },
  );
  const stop = async () => {
    await gateway.stop();
    await dispatcher.destroy();
    await metaStore.close();
  };
  return {
    async start() {
      await ensureRegistered(base, config);
      for (const wanted of config.credentials) await provideCredential(gateway, wanted);
      await gateway.start();
    },
    stop,
    // In a process of its own the operating system does better; see `cess dev kill`.
    kill: stop,
    describe: () => `serving S3, ${directory.activeMiners().length} storage nodes active`,
  };
}

function createStore(
  { spec, account, chain }: FollowerBase,
  directory: Directory,
  dispatcher: Agent,
): FileStore {
  const health = new NodeHealth(systemClock);
  const tickets = createTicketIssuer({
    chainId: spec.chainId,
    privateKey: account.secret,
    wallMs: () => systemClock.wallMs(),
    randomBytes: (sizeBytes) => systemRandom.bytes(sizeBytes),
  });
  const store = createNetworkFileStore({
    nodes: createNodeClient({ dispatcher, tickets, health, clock: systemClock }),
    locator: new FileLocator({ chain, clock: systemClock }),
    directory: minersOf(directory),
    health,
    clock: systemClock,
    random: systemRandom,
    chainId: spec.chainId,
    height: () => chain.height(),
    unclaimedBlocks: spec.unclaimedBlocks,
  });
  return guardTerritories({ chain, clock: systemClock }, store);
}

/** The chain's directory as placement sees it. */
function minersOf(directory: Directory): MinerDirectory {
  return {
    activeMiners: () => directory.activeMiners().map(toStorageMiner),
    minerOf(account) {
      const miner = directory.minerOf(account);
      return miner && toStorageMiner(miner);
    },
  };
}

function toStorageMiner(miner: Miner): StorageMiner {
  const { account, endpoint, region } = miner;
  const declaredBytes = Number(miner.declaredBytes);
  const blsPublicKey = hexToBytes(miner.blsPublicKey);
  const freeBytes = freeBytesOf(miner);
  return { account, endpoint, region, blsPublicKey, declaredBytes, freeBytes };
}

/** Enters the directory of gateways, or corrects what it says. */
async function ensureRegistered(
  { chain }: FollowerBase,
  { endpoint, region }: ConfigOf<"gateway">,
): Promise<void> {
  const [known, isRegistered] = await chain.read("gateways", "gatewayOf", [chain.account]);
  if (isRegistered && known.endpoint === endpoint && known.region === region) return;
  await chain.send("gateways", "register", [endpoint, region]);
}

/** Mints an access key for an account and writes it where its owner finds it, once. */
async function provideCredential(
  { credentials }: Gateway,
  { account, territory, file }: ConfigOf<"gateway">["credentials"][number],
): Promise<void> {
  if (existsSync(file)) {
    const { accessKeyId } = JSON.parse(await readFile(file, "utf8")) as { accessKeyId: string };
    if (credentials.findCredential(accessKeyId) !== undefined) return;
  }
  const credential = await credentials.createCredential({ account, territory });
  await writeFile(file, `${JSON.stringify(credential, undefined, 2)}\n`, { mode: 0o600 });
}
