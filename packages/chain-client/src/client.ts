import type { ChainSpec } from "@cess/params/chain-spec";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Hex } from "@cess/std/bytes";
import { type Abi, encodeFunctionData } from "viem";
import type { ChainReader, ChainSender } from "./chain.ts";
import { decodeEvent, decodeView, type RpcLog } from "./decode.ts";
import { ChainError } from "./error.ts";
import { MODULE_ABIS, type ViewResult } from "./modules.ts";
import { createRpc, type Rpc } from "./rpc.ts";
import { Transactor } from "./transactor.ts";

export interface ChainClientDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ChainClientOptions {
  readonly rpcUrl: string;
  readonly spec: ChainSpec;
}

/** Reads the chain over the JSON-RPC of one node. */
export function createChainReader({ rpcUrl, spec }: ChainClientOptions): ChainReader {
  return readerOver(createRpc(rpcUrl), spec);
}

/** Reads the chain, and sends calls of the account of `privateKey`. */
export function createChainClient(
  deps: ChainClientDeps,
  options: ChainClientOptions & {
    readonly privateKey: Uint8Array;
    /** Reads for it: nodes of one process may share a reader. */
    readonly reader?: ChainReader;
  },
): ChainSender {
  const { spec, privateKey } = options;
  const rpc = createRpc(options.rpcUrl);
  const transactor = new Transactor({ ...deps, rpc, spec, privateKey });
  return {
    ...(options.reader ?? readerOver(rpc, spec)),
    account: transactor.account,
    send(module, functionName, args, { valueWei = 0n, signal } = {}) {
      const data = encodeCall(module, functionName, args);
      return transactor.send({ to: MODULE_ADDRESSES[module], data, valueWei }, signal);
    },
    transfer: (to, valueWei) => transactor.send({ to, data: "0x", valueWei }),
  };
}

/** @throws {@link ChainError} `WRONG_CHAIN` if the node is of another network. */
export async function assertChain({ rpcUrl, spec }: ChainClientOptions): Promise<void> {
  const found = Number(await createRpc(rpcUrl)<Hex>("eth_chainId", []));
  const expected = spec.chainId;
  if (found !== expected) throw new ChainError({ code: "WRONG_CHAIN", expected, found });
}

function readerOver(rpc: Rpc, spec: ChainSpec): ChainReader {
  return {
    chainId: spec.chainId,
    height: async () => Number(await rpc<Hex>("eth_blockNumber", [])),
    async read(module, functionName, args) {
      const call = { to: MODULE_ADDRESSES[module], data: encodeCall(module, functionName, args) };
      const data = await rpc<Hex>("eth_call", [call, "latest"]);
      return decodeView(module, functionName, data) as ViewResult<
        typeof module,
        typeof functionName
      >;
    },
    async events({ fromBlock, toBlock }) {
      const filter = {
        fromBlock: toQuantity(fromBlock),
        toBlock: toQuantity(toBlock),
        address: Object.values(MODULE_ADDRESSES),
      };
      const logs = await rpc<readonly RpcLog[]>("eth_getLogs", [filter]);
      return logs.map(decodeEvent).filter((event) => event !== undefined);
    },
    balanceOf: async (account) => BigInt(await rpc<Hex>("eth_getBalance", [account, "latest"])),
  };
}

function encodeCall(module: keyof typeof MODULE_ABIS, functionName: string, args: unknown): Hex {
  const abi: Abi = MODULE_ABIS[module];
  return encodeFunctionData({ abi, functionName, args: args as readonly unknown[] });
}

function toQuantity(height: number): Hex {
  return `0x${height.toString(16)}`;
}
