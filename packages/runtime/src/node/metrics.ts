import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Labels, Metrics } from "../metrics.ts";

/** Prometheus metrics of one process. */
export function createPrometheusMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter(name, help, labels = []) {
      const counter = new Counter({ name, help, labelNames: [...labels], registers });
      return { inc: (values: Labels = {}, by = 1) => counter.inc(values, by) };
    },
    gauge(name, help, labels = []) {
      const gauge = new Gauge({ name, help, labelNames: [...labels], registers });
      return { set: (value, values: Labels = {}) => gauge.set(values, value) };
    },
    histogram(name, help, buckets) {
      const histogram = new Histogram({ name, help, buckets: [...buckets], registers });
      return { observe: (value) => histogram.observe(value) };
    },
    render: () => registry.metrics(),
  };
}
