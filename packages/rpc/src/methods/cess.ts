import { auditAbi } from "@cess/protocol/abi/audit";
import { filesAbi } from "@cess/protocol/abi/files";
import { minersAbi } from "@cess/protocol/abi/miners";
import { stakingAbi } from "@cess/protocol/abi/staking";
import { territoryAbi } from "@cess/protocol/abi/territory";
import { MODULE_ADDRESSES, type ModuleName } from "@cess/protocol/addresses";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import { type Abi, decodeFunctionResult, encodeFunctionData } from "viem";
import { toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import { type Params, readBlock, readCount, readHash } from "../params.ts";

const PAGE_COUNT = 100;

interface View {
  readonly module: ModuleName;
  readonly abi: Abi;
  readonly name: string;
}

/** The modules' views as JSON, for those who do not speak ABI. @see docs/spec/rpc.md */
export function createCessMethods({ executor, node }: RPCDeps): Methods {
  async function read(view: View, args: readonly unknown[], block?: unknown): Promise<unknown> {
    const { abi, name: functionName } = view;
    const data = hexToBytes(encodeFunctionData({ abi, functionName, args }));
    const call = { to: MODULE_ADDRESSES[view.module], data };
    const result = bytesToHex(await executor.call(call, readBlock(block)));
    return decodeFunctionResult({ abi, functionName, data: result });
  }

  /** Parameters: offset, count, block. */
  async function list(view: View, field: string, params: Params): Promise<unknown> {
    const offset = readCount(params[0] ?? 0, "offset", Number.MAX_SAFE_INTEGER);
    const count = readCount(params[1] ?? PAGE_COUNT, "count", PAGE_COUNT);
    const args = [BigInt(offset), BigInt(count)];
    const [entries, total] = (await read(view, args, params[2])) as [unknown, bigint];
    return toJSON({ [field]: entries, total });
  }

  return {
    cess_status() {
      const head = executor.head();
      const { peerCount, isSyncing } = node.status();
      return {
        network: executor.spec.name,
        chainId: toQuantity(executor.spec.chainId),
        genesisHash: executor.genesisHash,
        head: {
          number: toQuantity(head.height),
          hash: head.hash,
          timestamp: toQuantity(head.timestampSeconds),
          stateRoot: head.stateRoot,
          beacon: bytesToHex(head.beacon),
          nextCommitteeHash: bytesToHex(head.nextCommitteeHash),
        },
        isSyncing,
        peerCount,
        pendingTransactions: node.mempool.count,
      };
    },
    async cess_validators(params) {
      const reference = readBlock(params[0]);
      const { height } = executor.summaryAt(reference);
      const { seats } = await executor.committeeAt(height + 1n);
      const view = { module: "staking", abi: stakingAbi, name: "listValidators" } as const;
      const listed = await read(view, [0n, BigInt(PAGE_COUNT)], params[0]);
      const [validators, total] = listed as [unknown, bigint];
      return toJSON({ committee: seats, validators, total });
    },
    cess_miners: (params) => {
      return list({ module: "miners", abi: minersAbi, name: "listMiners" }, "miners", params);
    },
    cess_challenges: (params) => {
      const view = { module: "audit", abi: auditAbi, name: "listChallenges" } as const;
      return list(view, "challenges", params);
    },
    cess_file: async (params) => {
      const view = { module: "files", abi: filesAbi, name: "fileOf" } as const;
      return toJSON(await read(view, [readHash(params[0], "fid")], params[1]));
    },
    cess_territory: async (params) => {
      const view = { module: "territory", abi: territoryAbi, name: "territoryOf" } as const;
      return toJSON(await read(view, [readHash(params[0], "territory")], params[1]));
    },
  };
}

/** Amounts and other wide integers become quantities, bytes become hex. */
function toJSON(value: unknown): unknown {
  if (typeof value === "bigint") return toQuantity(value);
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (Array.isArray(value)) return value.map(toJSON);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJSON(each)]));
}
