import { FEE_HISTORY_BLOCKS_MAX, feeHistory } from "@cess/execution/fee-history";
import { toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import { invalid, readBlock, readCount, readList } from "../params.ts";

/** Tip that a wallet is advised to offer, in wei a unit of gas. */
const TIP_SUGGESTED = 100_000_000n;
const PERCENTILES_MAX = 100;

/** What gas costs. */
export function createFeeMethods({ executor }: RPCDeps): Methods {
  return {
    eth_gasPrice: () => toQuantity(executor.nextBaseFee() + TIP_SUGGESTED),
    eth_maxPriorityFeePerGas: () => toQuantity(TIP_SUGGESTED),
    eth_blobBaseFee: () => "0x1",
    eth_feeHistory(params) {
      const summary = executor.summaryAt(readBlock(params[1]));
      const history = feeHistory(executor, {
        count: readCount(params[0], "blockCount", FEE_HISTORY_BLOCKS_MAX),
        newest: summary.height,
        percentiles: readPercentiles(params[2]),
      });
      return {
        oldestBlock: toQuantity(history.oldestHeight),
        baseFeePerGas: history.baseFees.map(toQuantity),
        gasUsedRatio: history.gasUsedRatios,
        ...(history.rewards.length === 0
          ? {}
          : { reward: history.rewards.map((tips) => tips.map(toQuantity)) }),
      };
    },
  };
}

function readPercentiles(value: unknown): readonly number[] {
  if (value === undefined || value === null) return [];
  const list = readList(value, "rewardPercentiles", PERCENTILES_MAX);
  let last = 0;
  for (const each of list) {
    const isValid = typeof each === "number" && each >= last && each <= 100;
    if (!isValid) throw invalid("rewardPercentiles do not ascend from 0 to 100");
    last = each;
  }
  return list as readonly number[];
}
