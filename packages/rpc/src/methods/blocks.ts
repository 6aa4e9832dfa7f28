import type { BlockReference, StoredBlockView } from "@cess/execution/chain-reader";
import { firstLogIndex } from "@cess/execution/log-query";
import { bloomOfLogs } from "@cess/execution/receipt";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { formatBlock, formatReceipt, formatTransaction, toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import { type Params, readBlock, readBoolean, readCount, readHash } from "../params.ts";

/** Blocks, and the transactions in them. */
export function createBlockMethods({ executor, node }: RPCDeps): Methods {
  function blockOrNull(reference: BlockReference): StoredBlockView | null {
    return orNull(() => executor.blockAt(reference));
  }

  function transactionIn(reference: BlockReference, params: Params): unknown {
    const block = blockOrNull(reference);
    const index = readCount(params[1], "index", Number.MAX_SAFE_INTEGER);
    return block === null ? null : transactionAt(block, index);
  }

  function transactionAt({ summary, transactions }: StoredBlockView, index: number): unknown {
    const raw = transactions[index];
    if (raw === undefined) return null;
    return formatTransaction(executor.describeTransaction(raw), { summary, index });
  }

  function receiptsOf(reference: BlockReference): readonly unknown[] | null {
    const block = blockOrNull(reference);
    if (block === null) return null;
    return block.transactions.map((_, index) => receiptAt(block, index));
  }

  function receiptAt({ summary, transactions }: StoredBlockView, index: number): unknown {
    const outcome = executor.outcomeAt(summary.hash);
    const receipt = outcome.receipts[index];
    const raw = transactions[index];
    if (receipt === undefined || raw === undefined) return null;
    return formatReceipt(receipt, executor.describeTransaction(raw), {
      summary,
      index,
      firstLogIndex: firstLogIndex(outcome, index),
      logsBloom: bloomOfLogs(receipt.logs),
    });
  }

  function transactionByHash(hash: Hex): unknown {
    const place = executor.transactionPlace(hash);
    if (place !== undefined) return transactionAt(executor.blockAt(place.blockHash), place.index);
    const waiting = node.mempool.get(hash);
    if (waiting === undefined) return null;
    return formatTransaction(executor.describeTransaction(waiting.raw), undefined);
  }

  function receiptByHash(hash: Hex): unknown {
    const place = executor.transactionPlace(hash);
    return place === undefined ? null : receiptAt(executor.blockAt(place.blockHash), place.index);
  }

  function countIn(reference: BlockReference): Hex | null {
    const hashes = orNull(() => executor.transactionHashes(reference));
    return hashes === null ? null : toQuantity(hashes.length);
  }

  function blockOf(reference: BlockReference, params: Params): unknown {
    const isFull = params[1] === undefined ? false : readBoolean(params[1], "full");
    const block = blockOrNull(reference);
    if (block === null) return null;
    const { transactions, transactionHashes } = block;
    const whole = () => transactions.map((_, index) => transactionAt(block, index));
    return formatBlock(block, isFull ? whole() : transactionHashes);
  }

  return {
    eth_blockNumber: () => toQuantity(executor.head().height),
    eth_getBlockByNumber: (params) => blockOf(readBlock(params[0]), params),
    eth_getBlockByHash: (params) => blockOf(readHash(params[0]), params),
    eth_getBlockTransactionCountByNumber: (params) => countIn(readBlock(params[0])),
    eth_getBlockTransactionCountByHash: (params) => countIn(readHash(params[0])),
    eth_getUncleCountByBlockNumber: () => "0x0",
    eth_getUncleCountByBlockHash: () => "0x0",
    eth_getTransactionByHash: (params) => transactionByHash(readHash(params[0])),
    eth_getTransactionByBlockNumberAndIndex: (params) => {
      return transactionIn(readBlock(params[0]), params);
    },
    eth_getTransactionByBlockHashAndIndex: (params) => transactionIn(readHash(params[0]), params),
    eth_getTransactionReceipt: (params) => receiptByHash(readHash(params[0])),
    eth_getBlockReceipts: (params) => receiptsOf(readBlock(params[0])),
  };
}

/** Ethereum answers null, not an error, for blocks that do not exist. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (hasCode(cause, "BLOCK_UNKNOWN")) return null;
    throw cause;
  }
}
