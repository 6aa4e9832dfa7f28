import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createChainNode } from "@cess/chain/chain-node";
import { readGenesisFile } from "@cess/chain/genesis-file";
import { openExecutor } from "@cess/execution/executor";
import { createLibp2pNetwork } from "@cess/network/libp2p/network";
import type { Network } from "@cess/network/network";
import { initPodr2 } from "@cess/proofs/podr2/podr2";
import { createModules } from "@cess/protocol/modules";
import { createProofVerifier } from "@cess/protocol/proof-verifier";
import { createRPCServer } from "@cess/rpc/server";
import type { Logger } from "@cess/runtime/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { composeServices } from "@cess/runtime/service";
import type { ConfigOf } from "../config.ts";
import { loadKey, loadOrCreateKey } from "../keys.ts";
import type { Role } from "../role.ts";
import type { RoleShared } from "../shared.ts";

const CONNECTIONS_MAX = 100;

/** A validator with its JSON-RPC. */
export async function createValidatorRole(
  config: ConfigOf<"validator">,
  log: Logger,
  shared: RoleShared,
): Promise<Role> {
  const genesis = await readGenesisFile(config.genesis);
  const account = await loadKey(config.accountKey, "secp256k1");
  const bls = await loadKey(config.blsKey, "bls12-381");
  const vrf = await loadKey(config.vrfKey, "ed25519-vrf");
  await mkdir(config.dataDir, { recursive: true });
  const proofVerifier = createProofVerifier(await initPodr2());
  const executor = await openExecutor({
    directory: join(config.dataDir, "state"),
    genesis,
    modules: createModules({ proofVerifier }),
  });
  const metrics = createPrometheusMetrics();
  const common = { clock: systemClock, random: systemRandom, log, metrics };
  const node = await createChainNode(
    {
      ...common,
      network: await createNetwork(config, log, shared),
      application: executor,
      keys: {
        account: account.publicKey,
        blsSecretKey: bls.secret,
        vrfSecretKey: vrf.secret,
      },
      verifications: shared.verifications(),
      onFatal: (cause) => {
        log.error("the validator cannot go on", { cause });
        process.exit(1);
      },
    },
    {
      directory: join(config.dataDir, "chain"),
      chainId: executor.spec.chainId,
      blockMs: config.blockMs ?? executor.spec.blockMs,
      blockGasMax: executor.spec.blockGasMax,
    },
  );
  const rpc = createRPCServer({ ...common, executor, node }, config.rpc);
  const services = composeServices([node, rpc]);
  const stop = async () => {
    await services.stop();
    await executor.close();
  };
  return {
    start: () => services.start(),
    stop,
    kill: stop,
    describe() {
      const { height, round, peerCount, isSyncing, seat } = node.status();
      const place = seat === undefined ? "no seat" : `seat ${seat}`;
      const state = isSyncing ? ", catching up" : round > 0 ? `, round ${round}` : "";
      return `height ${height}, ${place}, ${peerCount} peers${state}`;
    },
  };
}

/** Over TCP if there is an address to listen on; else among the validators of this process. */
async function createNetwork(
  config: ConfigOf<"validator">,
  log: Logger,
  shared: RoleShared,
): Promise<Network> {
  if (config.p2p.listen.length === 0) return shared.hub().createNetwork(config.id);
  const key = await loadOrCreateKey(config.networkKey, "libp2p");
  return createLibp2pNetwork(
    { clock: systemClock, random: systemRandom, log },
    {
      identitySeed: key.secret,
      listenAddresses: config.p2p.listen,
      bootstrapAddresses: config.p2p.peers,
      connectionsMax: CONNECTIONS_MAX,
    },
  );
}
