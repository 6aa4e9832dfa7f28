import type { Network, Verdict } from "@cess/network/network";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { CodedError, hasCode } from "@cess/std/error";
import type { Mempool } from "./mempool.ts";
import { type ChainProtocols, TRANSACTION_BATCH_MAX } from "./messages.ts";

export interface TransactionGossipDeps {
  readonly network: Network;
  readonly mempool: Mempool;
  readonly protocols: ChainProtocols;
  readonly clock: Clock;
  readonly log: Logger;
}

const INTERVAL_MS = 50;
/** Leaves room for the lengths of a full batch. */
const BATCH_BYTES_MAX = 900 * 1024;
const LOCAL_MAX = 10_000;
const REPEAT_MS = 10_000;
const ATTEMPTS = 2 ** 16;
/** No correct node passes these on, whatever block it is at. */
const NEVER_VALID = ["TRANSACTION_MALFORMED", "TRANSACTION_TOO_LARGE", "CHAIN_ID_WRONG"];

/**
 * Tells peers of transactions that entered the network here, some milliseconds' worth at once, and
 * tells them again for as long as they wait: nobody else will.
 */
export function createTransactionGossip(deps: TransactionGossipDeps): Service {
  const { network, mempool, protocols, clock } = deps;
  const local = new BoundedMap<Hex, Uint8Array>(LOCAL_MAX);
  let queued: Uint8Array[] = [];
  let attempt = 0;
  let repeatedMs = clock.nowMs();

  mempool.onAdded(({ hash, raw }, origin) => {
    if (origin !== "local") return;
    local.set(hash, raw);
    if (queued.length < LOCAL_MAX) queued.push(raw);
  });

  network.subscribe(protocols.transactions, async ({ transactions }): Promise<Verdict> => {
    let verdict: Verdict = "ignore";
    for (const raw of transactions) {
      try {
        await mempool.addFromPeer(raw);
        verdict = "accept";
      } catch (cause) {
        if (!(cause instanceof CodedError)) throw cause;
        if (hasCode(cause, ...NEVER_VALID)) return "reject";
      }
    }
    return verdict;
  });

  async function work(): Promise<void> {
    if (network.peers().length === 0) return;
    if (clock.nowMs() - repeatedMs >= REPEAT_MS) repeat();
    while (queued.length > 0) {
      const count = batchLength(queued);
      const transactions = queued.slice(0, count);
      queued = queued.slice(count);
      await network.publish(protocols.transactions, { attempt, transactions });
    }
  }

  function repeat(): void {
    repeatedMs = clock.nowMs();
    attempt = (attempt + 1) % ATTEMPTS;
    queued = [];
    for (const [hash, raw] of local.entries()) {
      if (mempool.get(hash) === undefined) local.delete(hash);
      else queued.push(raw);
    }
  }

  return createLoop(deps, { name: "transaction gossip", intervalMs: INTERVAL_MS, work });
}

function batchLength(queued: readonly Uint8Array[]): number {
  let sizeBytes = 0;
  const end = queued.findIndex((raw, index) => {
    sizeBytes += raw.length;
    return index > 0 && (sizeBytes > BATCH_BYTES_MAX || index >= TRANSACTION_BATCH_MAX);
  });
  return end === -1 ? queued.length : end;
}
