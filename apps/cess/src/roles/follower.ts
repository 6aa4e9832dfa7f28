import type { ChainSender } from "@cess/chain-client/chain";
import { assertChain, createChainClient } from "@cess/chain-client/client";
import type { StoredKey } from "@cess/crypto/key-file";
import { type ChainSpec, chainSpecByName } from "@cess/params/chain-spec";
import type { Logger } from "@cess/runtime/logger";
import { systemClock } from "@cess/runtime/node/system";
import type { ConfigOf } from "../config.ts";
import { CLIError } from "../error.ts";
import { loadOrCreateKey } from "../keys.ts";
import type { RoleShared } from "../shared.ts";

/** What every node has that follows the chain from outside. */
export interface FollowerBase {
  readonly spec: ChainSpec;
  readonly account: StoredKey;
  readonly chain: ChainSender;
}

type FollowerConfig = ConfigOf<"storage"> | ConfigOf<"tee"> | ConfigOf<"gateway">;

/** Loads the account, waits for the RPC to answer, and makes sure that it is the right chain. */
export async function createFollowerBase(
  config: FollowerConfig,
  log: Logger,
  shared: RoleShared,
): Promise<FollowerBase> {
  const spec = chainSpecByName(config.chain);
  if (spec === undefined) {
    throw new CLIError({ code: "OPTION_INVALID", option: "chain", reason: config.chain });
  }
  const account = await loadOrCreateKey(config.accountKey, "secp256k1");
  const at = { rpcUrl: config.rpcUrl, spec };
  await assertChain(at);
  const chain = createChainClient(
    { clock: systemClock, log },
    { ...at, privateKey: account.secret, reader: shared.reader(at) },
  );
  return { spec, account, chain };
}
