import type { Counter, Histogram, Metrics } from "@cess/runtime/metrics";

export interface GatewayMetrics {
  /** Labels: operation, status. */
  readonly requests: Counter;
  readonly requestSeconds: Histogram;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

const SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

export function createGatewayMetrics(metrics: Metrics): GatewayMetrics {
  const labels = ["operation", "status"];
  return {
    requests: metrics.counter("s3_requests_total", "Requests answered", labels),
    requestSeconds: metrics.histogram(
      "s3_request_seconds",
      "Time from the headers to the status",
      SECONDS_BUCKETS,
    ),
    receivedBytes: metrics.counter("s3_received_bytes", "Body bytes taken from clients"),
    sentBytes: metrics.counter("s3_sent_bytes", "Object bytes sent to clients"),
  };
}
