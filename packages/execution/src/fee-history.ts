import { nextBaseFee } from "./base-fee.ts";
import type { ChainReader } from "./chain-reader.ts";
import type { ReceiptRecord } from "./receipt.ts";

export interface FeeHistory {
  readonly oldestHeight: bigint;
  /** Wei a unit of gas, of each block and of the one after the last. */
  readonly baseFees: readonly bigint[];
  readonly gasUsedRatios: readonly number[];
  /** For each block, tips at the wanted percentiles of its gas, in wei a unit. */
  readonly rewards: readonly (readonly bigint[])[];
}

export const FEE_HISTORY_BLOCKS_MAX = 1024;

/**
 * @param options - How many blocks, up to which one, and percentiles in ascending order, 0 to 100.
 */
export function feeHistory(
  reader: ChainReader,
  options: {
    readonly count: number;
    readonly newest: bigint;
    readonly percentiles: readonly number[];
  },
): FeeHistory {
  const { newest, percentiles } = options;
  const wanted = BigInt(Math.min(options.count, FEE_HISTORY_BLOCKS_MAX));
  const oldestHeight = newest + 1n > wanted ? newest + 1n - wanted : 0n;
  const baseFees: bigint[] = [];
  const gasUsedRatios: number[] = [];
  const rewards: bigint[][] = [];
  for (let height = oldestHeight; height <= newest; height += 1n) {
    const { baseFee, gasUsed, gasLimit } = reader.summaryAt(height);
    baseFees.push(baseFee);
    gasUsedRatios.push(Number(gasUsed) / Number(gasLimit));
    if (percentiles.length > 0) {
      const { receipts } = reader.outcomeAt(height);
      rewards.push(rewardsOf(receipts, baseFee, percentiles));
    }
  }
  baseFees.push(nextBaseFee(reader.summaryAt(newest)));
  return { oldestHeight, baseFees, gasUsedRatios, rewards };
}

function rewardsOf(
  receipts: readonly ReceiptRecord[],
  baseFee: bigint,
  percentiles: readonly number[],
): bigint[] {
  const tips = receipts.map(({ effectiveGasPrice, gasUsed }) => {
    return { tip: effectiveGasPrice - baseFee, gasUsed: Number(gasUsed) };
  });
  tips.sort((left, right) => Number(left.tip - right.tip));
  const totalGas = tips.reduce((sum, { gasUsed }) => sum + gasUsed, 0);
  return percentiles.map((percentile) => {
    let gas = 0;
    const at = tips.find(({ gasUsed }) => {
      gas += gasUsed;
      return gas * 100 >= totalGas * percentile;
    });
    return at?.tip ?? 0n;
  });
}
