import type { Logger } from "@cess/runtime/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { formatSize, GIB } from "@cess/std/units";
import { createStorageNode } from "@cess/storage-node/storage-node";
import type { ConfigOf } from "../config.ts";
import { loadOrCreateKey } from "../keys.ts";
import type { Role } from "../role.ts";
import type { RoleShared } from "../shared.ts";
import { createFollowerBase } from "./follower.ts";

const DISK_RESERVE_BYTES = GIB;
/** A fragment of 8 MiB is read again at this pace: gentle beside audits, which find losses first. */
const SCRUB_INTERVAL_MS = 2_000;

/** A storage node: keeps fragments, serves, tags, proves and repairs them. */
export async function createStorageRole(
  config: ConfigOf<"storage">,
  log: Logger,
  shared: RoleShared,
): Promise<Role> {
  const { spec, account, chain } = await createFollowerBase(config, log, shared);
  const directory = await shared.directory({ rpcUrl: config.rpcUrl, spec });
  const bls = await loadOrCreateKey(config.blsKey, "bls12-381");
  const node = createStorageNode(
    {
      chain,
      directory,
      pool: shared.podr2(),
      clock: systemClock,
      random: systemRandom,
      log,
      metrics: createPrometheusMetrics(),
    },
    {
      ...config.listen,
      spec,
      privateKey: account.secret,
      blsSecretKey: bls.secret,
      dataDirectory: config.dataDir,
      publicEndpoint: config.endpoint,
      region: config.region,
      declaredBytes: config.declaredBytes,
      diskReserveBytes: DISK_RESERVE_BYTES,
      scrubIntervalMs: SCRUB_INTERVAL_MS,
    },
  );
  return {
    start: () => node.start(),
    stop: () => node.stop(),
    kill: () => node.stop(),
    describe() {
      const miner = directory.minerOf(chain.account);
      if (miner === undefined) return "registering";
      const { usedBytes, taggedBytes, auditsPassed, auditsFailed } = miner;
      const held = `${formatSize(Number(usedBytes))} held, ${formatSize(Number(taggedBytes))} audited`;
      return `${held}, audits ${auditsPassed} passed ${auditsFailed} failed`;
    },
  };
}
