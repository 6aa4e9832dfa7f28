/**
 * The rules of the EVM on this chain: Osaka from genesis on, with native signature recovery.
 * @module
 */
import { keccak256, recoverPublicKey } from "@cess/crypto/secp256k1";
import type { ChainSpec } from "@cess/params/chain-spec";
import { concatBytes } from "@cess/std/bytes";
import { paramsBlock } from "@ethereumjs/block";
import { type ChainConfig, Common, Hardfork, Mainnet, type ParamsDict } from "@ethereumjs/common";
import { paramsEVM } from "@ethereumjs/evm";
import { paramsTx } from "@ethereumjs/tx";
import { setLengthLeft } from "@ethereumjs/util";
import { paramsVM } from "@ethereumjs/vm";

/**
 * PERF: the libraries copy their rules for every transaction and header and parse all parameters
 * anew; these rules never change while the process runs, so all share one.
 */
class ChainCommon extends Common {
  #isComplete = false;

  complete(params: readonly ParamsDict[]): this {
    for (const part of params) super.updateParams(part);
    this.#isComplete = true;
    return this;
  }

  override updateParams(params: ParamsDict): void {
    if (!this.#isComplete) super.updateParams(params);
  }

  override copy(): Common {
    return this;
  }
}

const commons = new WeakMap<ChainSpec, Common>();

/** The rules of a network, one for all that run in this process. */
export function chainCommon(spec: ChainSpec): Common {
  const known = commons.get(spec) ?? createChainCommon(spec);
  commons.set(spec, known);
  return known;
}

function createChainCommon(spec: ChainSpec): Common {
  const common = new ChainCommon({
    chain: chainConfig(spec),
    hardfork: Hardfork.Osaka,
    customCrypto: { keccak256, ecrecover },
  });
  return common.complete([paramsBlock, paramsTx, paramsEVM, paramsVM]);
}

/** Mainnet's order of forks, all at genesis; otherwise block 12,965,000 would be London again. */
function chainConfig(spec: ChainSpec): ChainConfig {
  const hardforks = Mainnet.hardforks.map((fork) => {
    const { name } = fork;
    return fork.timestamp === undefined ? { name, block: 0 } : { name, block: null, timestamp: 0 };
  });
  const osaka = hardforks.findIndex((fork) => fork.name === Hardfork.Osaka);
  const consensus = { type: "pos", algorithm: "casper", casper: {} };
  const chain = { ...Mainnet, name: `cess-${spec.name}`, chainId: spec.chainId, consensus };
  return { ...chain, hardforks: hardforks.slice(0, osaka + 1) } as ChainConfig;
}

/** @returns the public key, x ‖ y. */
function ecrecover(
  digest: Uint8Array,
  v: bigint,
  r: Uint8Array,
  s: Uint8Array,
  chainId?: bigint,
): Uint8Array {
  const recoveryId = v <= 1n ? v : chainId === undefined ? v - 27n : v - (chainId * 2n + 35n);
  const compact = concatBytes(setLengthLeft(r, 32), setLengthLeft(s, 32));
  return recoverPublicKey(digest, compact, Number(recoveryId));
}
