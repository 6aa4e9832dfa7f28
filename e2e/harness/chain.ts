import type { ChainReader } from "@cess/chain-client/chain";
import { createChainReader } from "@cess/chain-client/client";
import type { ViewResult } from "@cess/chain-client/modules";
import { DEV } from "@cess/params/chain-spec";
import { MINER_STATE } from "@cess/protocol/states";
import type { Ready } from "./network.ts";

export type Miner = ViewResult<"miners", "listMiners">[0][number];
export type Territory = ViewResult<"territory", "territoryOf">;

/** Reads the state of the modules and the events of the chain. */
export function createChain({ rpc }: Pick<Ready, "rpc">): ChainReader {
  return createChainReader({ rpcUrl: rpc, spec: DEV });
}

/** An answer of a JSON-RPC server, whichever it is. */
export interface RPCAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** Sends any JSON-RPC request, right or wrong. */
export async function askRPC(url: string, method: string, params: unknown): Promise<RPCAnswer> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body });
  return (await response.json()) as RPCAnswer;
}

/** As {@link askRPC}, for a request that must succeed. */
export async function callRPC<T>(url: string, method: string, params: unknown = []): Promise<T> {
  const { result, error } = await askRPC(url, method, params);
  if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
  return result as T;
}

export async function heightOf(rpc: string): Promise<number> {
  return Number(await callRPC<string>(rpc, "eth_blockNumber"));
}

export async function activeMiners(chain: ChainReader): Promise<readonly Miner[]> {
  const [miners] = await chain.read("miners", "listMiners", [0n, 100n]);
  return miners.filter(({ state }) => state === MINER_STATE.active);
}

/** The only territory of the owner of a local network. */
export async function territoryOf(chain: ChainReader, { owner }: Ready): Promise<Territory> {
  const [territories] = await chain.read("territory", "listTerritories", [owner.account, 0n, 10n]);
  const [territory] = territories;
  if (territory === undefined) throw new Error(`${owner.account} has no territory`);
  return territory;
}
