import type { BlockReference } from "@cess/execution/chain-reader";
import type { Executor } from "@cess/execution/executor";
import { findLogs, type LogFilter, matches } from "@cess/execution/log-query";
import type { Hex } from "@cess/std/bytes";
import { RPCError } from "../error.ts";
import { formatLog, type JSONObject, toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import { type LogsRequest, readLogsRequest, readQuantity } from "../params.ts";

const FILTERS_MAX = 1000;
/** A filter that nobody asks for this long is forgotten. */
const FILTER_IDLE_MS = 5 * 60_000;
/** Block hashes that one poll returns at most. */
const HASHES_MAX = 1000;
const PENDING_MAX = 1000;

type Watch =
  | { readonly kind: "logs"; readonly request: LogsRequest }
  | { readonly kind: "blocks" }
  | { readonly kind: "pending"; readonly hashes: Hex[]; readonly stop: () => void };

interface Filter {
  readonly watch: Watch;
  /** First block that has not been reported. */
  nextHeight: bigint;
  lastUsedMs: number;
}

/** Logs, and filters that a client polls. */
export function createFilterMethods({ executor, node, clock }: RPCDeps): Methods {
  const { logs, rangeLogs } = createLogReader(executor);
  const filters = new Map<string, Filter>();
  let lastId = 0n;

  function install(watch: Watch): Hex {
    dropIdle();
    if (filters.size >= FILTERS_MAX) throw limit(`${FILTERS_MAX} filters are installed`);
    lastId += 1n;
    const nextHeight = executor.head().height + 1n;
    filters.set(toQuantity(lastId), { watch, nextHeight, lastUsedMs: clock.nowMs() });
    return toQuantity(lastId);
  }

  function dropIdle(): void {
    const oldestMs = clock.nowMs() - FILTER_IDLE_MS;
    for (const [id, filter] of filters) if (filter.lastUsedMs < oldestMs) remove(id);
  }

  function remove(id: string): boolean {
    const filter = filters.get(id);
    if (filter?.watch.kind === "pending") filter.watch.stop();
    return filters.delete(id);
  }

  function used(value: unknown): Filter {
    const filter = filters.get(toQuantity(readQuantity(value, "filter id")));
    if (filter === undefined) throw new RPCError({ code: "NOT_FOUND", what: "filter" });
    filter.lastUsedMs = clock.nowMs();
    return filter;
  }

  async function changes(filter: Filter): Promise<unknown> {
    const { watch, nextHeight } = filter;
    const head = executor.head().height;
    switch (watch.kind) {
      case "pending":
        return watch.hashes.splice(0);
      case "blocks": {
        const last = nextHeight + BigInt(HASHES_MAX) - 1n;
        const end = last < head ? last : head;
        filter.nextHeight = end + 1n;
        const hashes: Hex[] = [];
        for (let height = nextHeight; height <= end; height += 1n) {
          hashes.push(executor.summaryAt(height).hash);
        }
        return hashes;
      }
      case "logs": {
        filter.nextHeight = head + 1n;
        return rangeLogs(nextHeight, head, watch.request.filter);
      }
    }
  }

  return {
    eth_getLogs: (params) => logs(readLogsRequest(params[0])),
    eth_newFilter: (params) => install({ kind: "logs", request: readLogsRequest(params[0]) }),
    eth_newBlockFilter: () => install({ kind: "blocks" }),
    eth_newPendingTransactionFilter() {
      const hashes: Hex[] = [];
      const stop = node.mempool.onAdded(({ hash }) => {
        if (hashes.length < PENDING_MAX) hashes.push(hash);
      });
      return install({ kind: "pending", hashes, stop });
    },
    eth_getFilterChanges: (params) => changes(used(params[0])),
    eth_getFilterLogs(params) {
      const { watch } = used(params[0]);
      if (watch.kind === "logs") return logs(watch.request);
      throw new RPCError({ code: "PARAMS_INVALID", reason: "not a filter of logs" });
    },
    eth_uninstallFilter: (params) => remove(toQuantity(readQuantity(params[0], "filter id"))),
  };
}

function createLogReader(executor: Executor) {
  async function rangeLogs(from: bigint, to: bigint, filter: LogFilter): Promise<JSONObject[]> {
    if (from > to) return [];
    return (await findLogs(executor, { from, to }, filter)).map(formatLog);
  }

  async function logs({ blockHash, filter, from, to }: LogsRequest): Promise<unknown> {
    if (blockHash !== undefined) {
      const all = executor.logsAt(blockHash);
      return all.filter((log) => matches(log, filter)).map(formatLog);
    }
    const [first, last] = [heightOf(from), heightOf(to)];
    if (first > last && from !== "latest" && to !== "latest") {
      throw new RPCError({ code: "PARAMS_INVALID", reason: "fromBlock is after toBlock" });
    }
    return rangeLogs(first, last, filter);
  }

  /** A height in the future is one. */
  function heightOf(reference: BlockReference): bigint {
    return typeof reference === "bigint" ? reference : executor.summaryAt(reference).height;
  }

  return { logs, rangeLogs };
}

function limit(reason: string): RPCError {
  return new RPCError({ code: "LIMIT_EXCEEDED", reason });
}
