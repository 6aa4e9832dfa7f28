import { bigIntMax } from "@ethereumjs/util";

/** Least base fee, in wei: that of the genesis block. */
export const BASE_FEE_MIN: bigint = 1_000_000_000n;
const ELASTICITY = 2n;
const CHANGE_DENOMINATOR = 8n;

export interface FeeFacts {
  readonly baseFee: bigint;
  readonly gasUsed: bigint;
  readonly gasLimit: bigint;
}

/**
 * Base fee of the block after `parent`, in wei: the rule of EIP-1559 with a floor, so that it
 * neither reaches zero on an idle chain nor has to climb from there.
 *
 * @see https://eips.ethereum.org/EIPS/eip-1559
 */
export function nextBaseFee(parent: FeeFacts): bigint {
  const target = parent.gasLimit / ELASTICITY;
  const excess = parent.gasUsed - target;
  const change = (parent.baseFee * (excess < 0n ? -excess : excess)) / target / CHANGE_DENOMINATOR;
  const next = excess > 0n ? parent.baseFee + bigIntMax(change, 1n) : parent.baseFee - change;
  return bigIntMax(next, BASE_FEE_MIN);
}
