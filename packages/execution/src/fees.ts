import { TREASURY_ADDRESS } from "@cess/protocol/addresses";
import { Account, type Address } from "@ethereumjs/util";
import { addBalance, toAddress } from "./module-host.ts";
import type { WorldState } from "./world-state.ts";

const TREASURY = toAddress(TREASURY_ADDRESS);
/** Of all fees of a block, base fee and tip alike; the proposer has the rest. Rounded up. */
const TREASURY_PERCENT = 80n;

export interface TransactionFee {
  /** All that the sender paid for gas, in wei. */
  readonly paidWei: bigint;
  /** Part of it that the EVM has put on the proposer's account. */
  readonly tipWei: bigint;
}

/** Takes what a transaction paid into the pot of its block. The EVM burns the rest, so add it up. */
export async function collectFee(
  state: WorldState,
  proposer: Address,
  fee: TransactionFee,
): Promise<bigint> {
  const account = (await state.getAccount(proposer)) ?? new Account();
  // The proposer may be a contract that destroyed itself, and its tip, in this very transaction.
  const isLost = account.balance < fee.tipWei;
  const tipWei = isLost ? account.balance : fee.tipWei;
  await addBalance(state, proposer, -tipWei);
  return fee.paidWei - fee.tipWei + tipWei;
}

/** Deals out the fees of a block. */
export async function payFees(state: WorldState, proposer: Address, potWei: bigint): Promise<void> {
  const proposerWei = (potWei * (100n - TREASURY_PERCENT)) / 100n;
  await addBalance(state, proposer, proposerWei);
  await addBalance(state, TREASURY, potWei - proposerWei);
}
