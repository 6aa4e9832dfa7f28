/**
 * `eth_subscribe` over a WebSocket.
 * @see https://geth.ethereum.org/docs/interacting-with-geth/rpc/pubsub
 * @module
 */
import { type LogFilter, matches } from "@cess/execution/log-query";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { RPCError } from "./error.ts";
import { formatHeader, formatLog, formatTransaction, toQuantity } from "./format.ts";
import type { Methods, RPCDeps } from "./method.ts";
import { invalid, readFields, readLogFilter, readQuantity } from "./params.ts";

const SUBSCRIPTIONS_MAX = 16;

export interface Subscriptions {
  /** `eth_subscribe` and `eth_unsubscribe` of one connection. */
  readonly methods: Methods;
  /** Ends all subscriptions of the connection. */
  close(): void;
}

/** @param send - Takes one notification as text. */
export function createSubscriptions(
  deps: RPCDeps & { readonly randomId: () => Uint8Array },
  send: (text: string) => void,
): Subscriptions {
  const { executor, node } = deps;
  const stops = new Map<string, () => void>();

  function start(kind: unknown, options: unknown, notify: (result: unknown) => void): () => void {
    switch (kind) {
      case "newHeads":
        return node.onCommitted(({ facts }) => {
          notify(formatHeader(executor.summaryAt(facts.hash)));
        });
      case "logs":
        return startLogs(readLogFilter(readFields(options ?? {}, "filter")), notify);
      case "newPendingTransactions":
        return node.mempool.onAdded(({ hash, raw }) => {
          const isFull = options === true;
          notify(isFull ? formatTransaction(executor.describeTransaction(raw), undefined) : hash);
        });
      default:
        throw invalid(`no subscription ${String(kind).slice(0, 50)}`);
    }
  }

  function startLogs(filter: LogFilter, notify: (result: unknown) => void): () => void {
    return node.onCommitted(({ facts }) => {
      for (const log of executor.logsAt(facts.hash)) {
        if (matches(log, filter)) notify(formatLog(log));
      }
    });
  }

  return {
    methods: {
      eth_subscribe([kind, options]) {
        if (stops.size >= SUBSCRIPTIONS_MAX) {
          const reason = `${SUBSCRIPTIONS_MAX} subscriptions a connection`;
          throw new RPCError({ code: "LIMIT_EXCEEDED", reason });
        }
        const id: Hex = toQuantity(BigInt(bytesToHex(deps.randomId())));
        const notify = (result: unknown) => {
          const params = { subscription: id, result };
          send(JSON.stringify({ jsonrpc: "2.0", method: "eth_subscription", params }));
        };
        stops.set(id, start(kind, options, notify));
        return id;
      },
      eth_unsubscribe([id]) {
        const key = toQuantity(readQuantity(id, "subscription"));
        stops.get(key)?.();
        return stops.delete(key);
      },
    },
    close() {
      for (const stop of stops.values()) stop();
      stops.clear();
    },
  };
}
