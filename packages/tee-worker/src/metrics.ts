import type { Counter, Metrics } from "@cess/runtime/metrics";

/** What an operator sees of a TEE worker. */
export interface WorkerMetrics {
  readonly taggedBytes: Counter;
  readonly reports: Counter;
  /** By outcome: passed, failed. */
  readonly verdicts: Counter;
}

export function createWorkerMetrics(metrics: Metrics): WorkerMetrics {
  return {
    taggedBytes: metrics.counter("tee_worker_tagged_bytes_total", "Fragment bytes tagged"),
    reports: metrics.counter("tee_worker_reports_total", "Tag reports signed"),
    verdicts: metrics.counter("tee_worker_verdicts_total", "Verdicts given", ["outcome"]),
  };
}
