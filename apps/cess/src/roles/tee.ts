import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createTestAttestation } from "@cess/protocol/attestation";
import { TEE_ROLE } from "@cess/protocol/states";
import type { Logger } from "@cess/runtime/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { createTEEWorker } from "@cess/tee-worker/tee-worker";
import type { ConfigOf } from "../config.ts";
import { loadKey } from "../keys.ts";
import type { Role } from "../role.ts";
import type { RoleShared } from "../shared.ts";
import { createFollowerBase } from "./follower.ts";

/** A TEE worker with a test attestation: chains that do not accept those refuse to register it. */
export async function createTEERole(
  config: ConfigOf<"tee">,
  log: Logger,
  shared: RoleShared,
): Promise<Role> {
  const { spec, chain } = await createFollowerBase(config, log, shared);
  const directory = await shared.directory({ rpcUrl: config.rpcUrl, spec });
  const testRoot = await loadKey(config.testAttestationKey, "secp256k1");
  await mkdir(config.dataDir, { recursive: true });
  const worker = createTEEWorker(
    {
      chain,
      directory,
      pool: shared.podr2(),
      attest: async (keys) => createTestAttestation(testRoot.secret, keys, spec.chainId),
      clock: systemClock,
      random: systemRandom,
      log,
      metrics: createPrometheusMetrics(),
    },
    {
      ...config.listen,
      spec,
      keyFile: join(config.dataDir, "enclave.key"),
      role: TEE_ROLE.full,
      publicEndpoint: config.endpoint,
    },
  );
  return {
    start: () => worker.start(),
    stop: () => worker.stop(),
    kill: () => worker.stop(),
    describe() {
      const known = directory.workerOf(chain.account);
      return known === undefined ? "registering" : `${known.verdicts} verdicts`;
    },
  };
}
