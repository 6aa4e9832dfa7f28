/**
 * Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them.
 * @see https://ethereum.github.io/execution-apis/
 * @module
 */
import type { BlockSummary } from "@cess/execution/block-summary";
import type { StoredBlockView } from "@cess/execution/chain-reader";
import { type LogView, logText } from "@cess/execution/log-query";
import type { ReceiptRecord } from "@cess/execution/receipt";
import type { TransactionView } from "@cess/execution/transaction-view";
import { bytesToHex, type Hex } from "@cess/std/bytes";

export type JSONObject = Readonly<Record<string, unknown>>;

/** Of an empty list: this chain has neither uncles nor withdrawals nor requests. */
const EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
const EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
const EMPTY_REQUESTS = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_BLOOM: Hex = `0x${"00".repeat(256)}`;

export function toQuantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}

export function formatHeader(summary: BlockSummary): JSONObject {
  return {
    number: toQuantity(summary.height),
    hash: summary.hash,
    parentHash: summary.parentHash,
    nonce: "0x0000000000000000",
    sha3Uncles: EMPTY_UNCLES,
    logsBloom: summary.logsBloom,
    transactionsRoot: summary.transactionsRoot,
    stateRoot: summary.stateRoot,
    receiptsRoot: summary.receiptsRoot,
    miner: summary.proposer,
    difficulty: "0x0",
    totalDifficulty: "0x0",
    extraData: bytesToHex(summary.nextCommitteeHash),
    gasLimit: toQuantity(summary.gasLimit),
    gasUsed: toQuantity(summary.gasUsed),
    timestamp: toQuantity(summary.timestampSeconds),
    mixHash: bytesToHex(summary.beacon),
    baseFeePerGas: toQuantity(summary.baseFee),
    withdrawalsRoot: EMPTY_ROOT,
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: bytesToHex(summary.lastCertificateHash),
    requestsHash: EMPTY_REQUESTS,
  };
}

/** @param transactions - Whole ones, or their hashes. */
export function formatBlock(
  { summary, sizeBytes }: StoredBlockView,
  transactions: readonly unknown[],
): JSONObject {
  return {
    ...formatHeader(summary),
    size: toQuantity(sizeBytes),
    uncles: [],
    withdrawals: [],
    transactions,
  };
}

/** Where a transaction is in the chain. */
export interface Inclusion {
  readonly summary: BlockSummary;
  readonly index: number;
}

export function formatTransaction(view: TransactionView, at: Inclusion | undefined): JSONObject {
  const { accessList, authorizations, chainId } = view;
  return {
    hash: view.hash,
    type: toQuantity(view.type),
    nonce: toQuantity(view.nonce),
    blockHash: at?.summary.hash ?? null,
    blockNumber: at === undefined ? null : toQuantity(at.summary.height),
    transactionIndex: at === undefined ? null : toQuantity(at.index),
    from: view.from,
    to: view.to ?? null,
    value: toQuantity(view.valueWei),
    gas: toQuantity(view.gasLimit),
    gasPrice: toQuantity(pricePaid(view, at?.summary.baseFee)),
    input: view.input,
    v: toQuantity(view.v),
    r: toQuantity(view.r),
    s: toQuantity(view.s),
    ...(chainId === undefined ? {} : { chainId: toQuantity(chainId) }),
    ...(view.type === 0 ? {} : { accessList, yParity: toQuantity(view.v) }),
    ...feeFields(view),
    ...(view.type === 4 ? { authorizationList: authorizations.map(formatAuthorization) } : {}),
  };
}

function feeFields({ maxFeePerGas, maxPriorityFeePerGas }: TransactionView): JSONObject {
  if (maxPriorityFeePerGas === undefined) return {};
  return {
    maxFeePerGas: toQuantity(maxFeePerGas),
    maxPriorityFeePerGas: toQuantity(maxPriorityFeePerGas),
  };
}

function formatAuthorization(entry: TransactionView["authorizations"][number]): JSONObject {
  return {
    chainId: toQuantity(entry.chainId),
    address: entry.address,
    nonce: toQuantity(entry.nonce),
    yParity: toQuantity(entry.yParity),
    r: toQuantity(entry.r),
    s: toQuantity(entry.s),
  };
}

/** Of a transaction that waits, the most it may pay. */
function pricePaid(view: TransactionView, baseFee: bigint | undefined): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = view;
  if (baseFee === undefined || maxPriorityFeePerGas === undefined) return maxFeePerGas;
  const wanted = baseFee + maxPriorityFeePerGas;
  const isCapped = wanted > maxFeePerGas;
  return isCapped ? maxFeePerGas : wanted;
}

export function formatReceipt(
  receipt: ReceiptRecord,
  view: TransactionView,
  at: Inclusion & { readonly firstLogIndex: number; readonly logsBloom: Uint8Array },
): JSONObject {
  const { summary, index, firstLogIndex } = at;
  const logs = receipt.logs.map((log, offset) => {
    return formatLog({
      ...logText(log),
      blockHash: summary.hash,
      blockHeight: summary.height,
      transactionHash: view.hash,
      transactionIndex: index,
      logIndex: firstLogIndex + offset,
    });
  });
  return {
    transactionHash: view.hash,
    transactionIndex: toQuantity(index),
    blockHash: summary.hash,
    blockNumber: toQuantity(summary.height),
    from: view.from,
    to: view.to ?? null,
    type: toQuantity(receipt.type),
    status: receipt.succeeded ? "0x1" : "0x0",
    gasUsed: toQuantity(receipt.gasUsed),
    cumulativeGasUsed: toQuantity(receipt.cumulativeGasUsed),
    effectiveGasPrice: toQuantity(receipt.effectiveGasPrice),
    contractAddress:
      receipt.contractAddress === undefined ? null : bytesToHex(receipt.contractAddress),
    logs,
    logsBloom: logs.length === 0 ? EMPTY_BLOOM : bytesToHex(at.logsBloom),
  };
}

export function formatLog(log: LogView): JSONObject {
  return {
    address: log.address,
    topics: log.topics,
    data: log.data,
    blockHash: log.blockHash,
    blockNumber: toQuantity(log.blockHeight),
    transactionHash: log.transactionHash,
    transactionIndex: toQuantity(log.transactionIndex),
    logIndex: toQuantity(log.logIndex),
    removed: false,
  };
}
