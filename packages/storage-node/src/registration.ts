import type { ChainReader, ChainSender } from "@cess/chain-client/chain";
import type { Miner } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import { blsPublicKeyOf, provePossession } from "@cess/crypto/bls";
import { MINER_STATE } from "@cess/protocol/states";
import type { Logger } from "@cess/runtime/logger";
import { bytesToHex, type Hex } from "@cess/std/bytes";

export interface MinerRegistration {
  readonly endpoint: string;
  readonly region: string;
  readonly declaredBytes: number;
  readonly blsSecretKey: Uint8Array;
}

/** Registers this miner with the stake that its space needs, or brings its record up to date. */
export async function ensureRegistered(
  { chain, log }: { readonly chain: ChainSender; readonly log: Logger },
  wanted: MinerRegistration,
): Promise<void> {
  const miner = await readMiner(chain, chain.account);
  const declaredBytes = BigInt(wanted.declaredBytes);
  const { endpoint, region, blsSecretKey } = wanted;
  if (miner === undefined || miner.state === MINER_STATE.exited) {
    const valueWei = await chain.read("miners", "stakeFor", [declaredBytes]);
    const key = bytesToHex(blsPublicKeyOf(blsSecretKey));
    const proof = bytesToHex(provePossession(blsSecretKey));
    const args = [key, proof, endpoint, region, declaredBytes] as const;
    await chain.send("miners", "register", args, { valueWei });
    log.info("registered as a miner", { account: chain.account, endpoint, declaredBytes });
    return;
  }
  if (miner.endpoint !== endpoint || miner.region !== region) {
    await chain.send("miners", "update", [endpoint, region]);
    log.info("updated the miner's record", { endpoint, region });
  }
  if (miner.declaredBytes < declaredBytes && miner.state === MINER_STATE.active) {
    const stakeWei = await chain.read("miners", "stakeFor", [declaredBytes]);
    const valueWei = stakeWei > miner.stakeWei ? stakeWei - miner.stakeWei : 0n;
    await chain.send("miners", "expand", [declaredBytes - miner.declaredBytes], { valueWei });
    log.info("declared more space", { declaredBytes });
  }
}

async function readMiner(chain: ChainReader, account: Hex): Promise<Miner | undefined> {
  try {
    return await chain.read("miners", "minerOf", [account]);
  } catch (cause) {
    if (isRefusal(cause)) return undefined;
    throw cause;
  }
}
