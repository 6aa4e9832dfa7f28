import type { ModuleName } from "@cess/protocol/addresses";
import type { Hex } from "@cess/std/bytes";
import type { CallArgs, CallName, ChainEvent, ViewArgs, ViewName, ViewResult } from "./modules.ts";

export interface BlockRange {
  readonly fromBlock: number;
  /** Inclusive. */
  readonly toBlock: number;
}

/** The chain as readers need it. Every answer is of final state: there are no reorganisations. */
export interface ChainReader {
  readonly chainId: number;
  /** Height of the last block. */
  height(signal?: AbortSignal): Promise<number>;
  /** @throws ChainError `MODULE_REFUSED` if the module has no answer to these arguments. */
  read<M extends ModuleName, F extends ViewName<M>>(
    module: M,
    functionName: F,
    args: ViewArgs<M, F>,
  ): Promise<ViewResult<M, F>>;
  /** Events of all modules, in the order of the chain. */
  events(range: BlockRange): Promise<readonly ChainEvent[]>;
  balanceOf(account: Hex): Promise<bigint>;
}

export interface SendOptions {
  readonly valueWei?: bigint;
  readonly signal?: AbortSignal;
}

export interface SendReceipt {
  readonly transactionHash: Hex;
  readonly height: number;
  readonly gasUsed: bigint;
}

/** Calls of one account. */
export interface ChainSender extends ChainReader {
  readonly account: Hex;
  /**
   * Sends a call and waits until it is in a block. Calls go out in the order of `send`.
   *
   * @throws ChainError `MODULE_REFUSED` with the module's own code.
   */
  send<M extends ModuleName, F extends CallName<M>>(
    module: M,
    functionName: F,
    args: CallArgs<M, F>,
    options?: SendOptions,
  ): Promise<SendReceipt>;
  transfer(to: Hex, valueWei: bigint): Promise<SendReceipt>;
}
