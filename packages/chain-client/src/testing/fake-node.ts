import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { keccak256, parseTransaction, recoverTransactionAddress } from "viem";

export interface FakeTransaction {
  readonly hash: Hex;
  readonly nonce: number;
  readonly data: Hex;
}

export interface FakeRefusal {
  readonly code: number;
  readonly message: string;
  readonly data?: Hex;
}

/** A node with a mempool and blocks of one transaction, that a test can make forgetful. */
export interface FakeNode {
  readonly url: string;
  readonly mined: readonly FakeTransaction[];
  /** Answers of `eth_call` and `eth_estimateGas`. */
  answerCall: (call: { readonly to: Hex; readonly data: Hex }) => Hex | FakeRefusal;
  /** Answer of `eth_estimateGas` where the call succeeds. */
  estimateGas: number;
  /** Wei a unit of gas in the next block: who offers less is accepted, and waits. */
  baseFeeWei: number;
  /** What blocks that are asked for say of it, one after the other, before they tell the truth. */
  shownBaseFeesWei: number[];
  /** Transactions that are accepted and then forgotten. */
  loseCount: number;
  /** Transactions whose acceptance is not confirmed. */
  dropAnswerCount: number;
  logs: readonly Record<string, unknown>[];
  /** The block after the last counts up whenever one is mined. */
  height: number;
  close(): Promise<void>;
}

interface RpcRequest {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

export async function createFakeNode(): Promise<FakeNode> {
  const mined: (FakeTransaction & { readonly height: number })[] = [];
  const server = createServer(async (request, response) => {
    const { id, method, params } = (await json(request)) as RpcRequest;
    const result = await answer(method, params);
    if (result === "hang up") {
      request.socket.destroy();
      return;
    }
    const isError = typeof result === "object" && result !== null && "code" in result;
    const body = { jsonrpc: "2.0", id, ...(isError ? { error: result } : { result }) };
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const node: FakeNode = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mined,
    answerCall: () => "0x",
    estimateGas: 50_000,
    baseFeeWei: 7,
    shownBaseFeesWei: [],
    loseCount: 0,
    dropAnswerCount: 0,
    logs: [],
    height: 0,
    close: () => closeServer(server),
  };

  async function accept(raw: Hex): Promise<unknown> {
    const transaction = parseTransaction(raw);
    await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` });
    const hash = keccak256(raw);
    const nonce = transaction.nonce ?? 0;
    if ((transaction.gas ?? 0n) > 2n ** 24n) return { code: -32000, message: "gas too high" };
    if (nonce < mined.length) return { code: -32000, message: "nonce too low" };
    if (nonce > mined.length) return { code: -32000, message: "nonce too high" };
    if ((transaction.maxFeePerGas ?? 0n) < BigInt(node.baseFeeWei)) return hash;
    if (node.loseCount > 0) {
      node.loseCount -= 1;
      return hash;
    }
    node.height += 1;
    mined.push({ hash, nonce, data: transaction.data ?? "0x", height: node.height });
    if (node.dropAnswerCount === 0) return hash;
    node.dropAnswerCount -= 1;
    return "hang up";
  }

  async function answer(method: string, params: readonly unknown[]): Promise<unknown> {
    const transaction = mined.find((each) => each.hash === params[0]);
    switch (method) {
      case "eth_chainId":
        return quantity(11330);
      case "eth_blockNumber":
        return quantity(node.height);
      case "eth_getBlockByNumber":
        return { baseFeePerGas: quantity(node.shownBaseFeesWei.shift() ?? node.baseFeeWei) };
      case "eth_getTransactionCount":
        return quantity(mined.length);
      case "eth_call":
        return node.answerCall(params[0] as never);
      case "eth_estimateGas": {
        const result = node.answerCall(params[0] as never);
        return typeof result === "string" ? quantity(node.estimateGas) : result;
      }
      case "eth_sendRawTransaction":
        return accept(params[0] as Hex);
      case "eth_getTransactionByHash":
        return transaction === undefined ? null : { hash: transaction.hash };
      case "eth_getTransactionReceipt":
        if (transaction === undefined) return null;
        return { status: "0x1", blockNumber: quantity(transaction.height), gasUsed: "0x5208" };
      case "eth_getLogs":
        return node.logs.filter((log) => isWithin(log, params[0] as Record<string, Hex>));
      default:
        return { code: -32601, message: `no method ${method}` };
    }
  }
  return node;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function isWithin(log: Record<string, unknown>, filter: Record<string, Hex>): boolean {
  const height = Number(log["blockNumber"]);
  return height >= Number(filter["fromBlock"]) && height <= Number(filter["toBlock"]);
}

function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}

/** A topic or word of an address. */
export function addressWord(address: Hex): Hex {
  return `0x${address.slice(2).padStart(64, "0")}`;
}

export function hashWord(fill: number): Hex {
  return bytesToHex(new Uint8Array(32).fill(fill));
}
