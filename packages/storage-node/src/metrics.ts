import type { Counter, Gauge, Metrics } from "@cess/runtime/metrics";

/** What an operator sees of a storage node. */
export interface NodeMetrics {
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly receipts: Counter;
  readonly lostFragments: Counter;
  /** By outcome: proven, lost, refused. */
  readonly challenges: Counter;
  readonly taggedFragments: Counter;
  readonly restorals: Counter;
  readonly usedBytes: Gauge;
  readonly freeBytes: Gauge;
  readonly fragments: Gauge;
}

export function createNodeMetrics(metrics: Metrics): NodeMetrics {
  const counter = (name: string, help: string, labels?: readonly string[]) =>
    metrics.counter(`storage_node_${name}`, help, labels);
  const gauge = (name: string, help: string) => metrics.gauge(`storage_node_${name}`, help);
  return {
    receivedBytes: counter("received_bytes_total", "Fragment bytes taken in"),
    sentBytes: counter("sent_bytes_total", "Fragment bytes given out"),
    receipts: counter("receipts_total", "Receipts signed"),
    lostFragments: counter("lost_fragments_total", "Fragments found damaged or missing"),
    challenges: counter("challenges_total", "Challenges by outcome", ["outcome"]),
    taggedFragments: counter("tagged_fragments_total", "Fragments tagged by a TEE worker"),
    restorals: counter("restorals_total", "Restoral orders completed"),
    usedBytes: gauge("used_bytes", "Bytes of all fragments"),
    freeBytes: gauge("free_bytes", "Bytes that may still be taken in"),
    fragments: gauge("fragments", "Fragments kept"),
  };
}
