import type { Metrics } from "@cess/runtime/metrics";
import type { S3Response } from "./http/response.ts";
import type { Exchange } from "./http/server.ts";

/** `/health` and `/metrics`, on a listener of their own: every path of the main one is a bucket. */
export function createAdminHandler(
  metrics: Metrics,
  isReady: () => boolean,
): (exchange: Exchange) => Promise<S3Response> {
  return async ({ method, target }) => {
    if (method !== "GET" && method !== "HEAD") return plain(405, "method not allowed\n");
    switch (target.split("?")[0]) {
      case "/health":
        return isReady() ? json(200, { status: "ok" }) : json(503, { status: "starting" });
      case "/metrics":
        return {
          status: 200,
          headers: { "content-type": "text/plain; version=0.0.4" },
          body: await metrics.render(),
        };
      default:
        return plain(404, "not found\n");
    }
  };
}

function json(status: number, value: object): S3Response {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}

function plain(status: number, body: string): S3Response {
  return { status, headers: { "content-type": "text/plain" }, body };
}
