import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import { toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import { readData } from "../params.ts";

const CLIENT_VERSION = `cess/v0.1.0/${process.platform}-${process.arch}/node${process.versions.node}`;

/** The node itself. */
export function createNodeMethods({ executor, node }: RPCDeps): Methods {
  return {
    eth_syncing: () => {
      if (!node.status().isSyncing) return false;
      const height = toQuantity(executor.head().height);
      return { startingBlock: "0x0", currentBlock: height, highestBlock: height };
    },
    eth_mining: () => false,
    eth_protocolVersion: () => "0x41",
    net_version: () => String(executor.spec.chainId),
    net_listening: () => true,
    net_peerCount: () => toQuantity(node.status().peerCount),
    web3_clientVersion: () => CLIENT_VERSION,
    web3_sha3: (params) => bytesToHex(keccak256(hexToBytes(readData(params[0], "data")))),
    rpc_modules: () => ({ eth: "1.0", net: "1.0", web3: "1.0", cess: "1.0", rpc: "1.0" }),
  };
}
