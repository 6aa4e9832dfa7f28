import type { Executor } from "@cess/execution/executor";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import type { Hex } from "@cess/std/bytes";
import type { Params } from "./params.ts";

/** What answers one method. */
export type Method = (params: Params) => unknown;
export type Methods = Readonly<Record<string, Method>>;

export interface PendingTransaction {
  readonly hash: Hex;
  readonly raw: Uint8Array;
}

/** Transactions that wait for a block. */
export interface MempoolView {
  readonly count: number;
  /** @throws CodedError saying why the transaction is refused. */
  add(raw: Uint8Array): Promise<Hex>;
  get(hash: Hex): PendingTransaction | undefined;
  pendingNonce(sender: Hex): Promise<bigint>;
  onAdded(listener: (transaction: PendingTransaction) => void): () => void;
}

/** What the server asks of the node that runs the chain. */
export interface NodeView {
  readonly mempool: MempoolView;
  status(): { readonly peerCount: number; readonly isSyncing: boolean };
  /** Calls `listener` after each committed block; the result ends that. */
  onCommitted(listener: (event: { readonly facts: { readonly hash: Hex } }) => void): () => void;
}

export interface RPCDeps {
  readonly executor: Executor;
  readonly node: NodeView;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
