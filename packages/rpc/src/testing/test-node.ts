/**
 * One executor that makes a block whenever a transaction arrives: a chain for tests of the server.
 * @module
 */
import type { Executor } from "@cess/execution/executor";
import type { Hex } from "@cess/std/bytes";
import type { MempoolView, NodeView, PendingTransaction } from "../method.ts";

export interface TestNode extends NodeView {
  /** Makes a block of what waits. */
  produce(): Promise<Hex>;
  /** While true, transactions wait for {@link TestNode.produce}. */
  isHeld: boolean;
}

type Committed = (event: { readonly facts: { readonly hash: Hex } }) => void;

export function createTestNode(executor: Executor, proposer: Hex): TestNode {
  const waiting = new Map<Hex, PendingTransaction & { sender: Hex; nonce: bigint }>();
  const onAdded = new Set<(transaction: PendingTransaction) => void>();
  const onCommitted = new Set<Committed>();

  const mempool: MempoolView = {
    get count() {
      return waiting.size;
    },
    async add(raw) {
      const checked = await executor.checkTransaction(raw);
      waiting.set(checked.hash, checked);
      for (const listener of onAdded) listener(checked);
      if (!node.isHeld) await node.produce();
      return checked.hash;
    },
    get: (hash) => waiting.get(hash),
    async pendingNonce(sender) {
      const own = [...waiting.values()].filter((each) => each.sender === sender);
      const { nonce } = await executor.accountAt(sender, "latest");
      return own.reduce((next, each) => (each.nonce >= next ? each.nonce + 1n : next), nonce);
    },
    onAdded: (listener) => subscribe(onAdded, listener),
  };

  const node: TestNode = {
    mempool,
    isHeld: false,
    status: () => ({ peerCount: 3, isSyncing: false }),
    onCommitted: (listener) => subscribe(onCommitted, listener),
    async produce() {
      const { height, timestampSeconds } = executor.head();
      const built = await executor.buildBlock({
        timestampSeconds: timestampSeconds + 2n,
        proposer,
        beacon: new Uint8Array(32).fill(Number(height % 256n)),
        lastCertificateHash: new Uint8Array(32).fill(0xce),
        transactions: [...waiting.values()].map(({ raw }) => raw),
      });
      await executor.commitBlock(built.hash);
      for (const hash of built.transactionHashes) waiting.delete(hash);
      for (const { hash, mayRunLater } of built.rejected) if (!mayRunLater) waiting.delete(hash);
      for (const listener of onCommitted) listener({ facts: { hash: built.hash } });
      return built.hash;
    },
  };
  return node;
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
