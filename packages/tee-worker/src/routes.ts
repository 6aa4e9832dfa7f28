/**
 * The HTTP interface of a TEE worker.
 *
 * @see docs/spec/fragment-api.md#3-tee-worker
 * @module
 */

import type { ChainReader } from "@cess/chain-client/chain";
import { decode } from "@cess/codec/codec";
import { PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import type { Metrics } from "@cess/runtime/metrics";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { Semaphore } from "@cess/std/semaphore";
import { ApiError } from "@cess/storage-wire/api-error";
import {
  type ApiRequest,
  type ApiRoute,
  readBody,
  sendBytes,
  sendJSON,
} from "@cess/storage-wire/api-server";
import { splitFrame } from "@cess/storage-wire/frame";
import {
  REPORT_REQUEST_BYTES_MAX,
  reportRequestCodec,
  TAG_REQUEST_BYTES_MAX,
  tagRequestCodec,
} from "@cess/storage-wire/tag-request";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import type { TicketGate } from "@cess/storage-wire/ticket-gate";
import { type MarkingDeps, signReport, tagFragment } from "./marking.ts";
import type { WorkerMetrics } from "./metrics.ts";

export interface RouteDeps extends MarkingDeps {
  readonly gate: TicketGate;
  readonly chain: ChainReader;
  readonly metrics: Metrics;
  readonly counts: Pick<WorkerMetrics, "taggedBytes" | "reports">;
}

const TAG_BODY_BYTES_MAX =
  4 +
  TAG_REQUEST_BYTES_MAX +
  SEGMENT_BYTES_MAX / Math.min(...Object.values(PROFILES).map((profile) => profile.dataCount));
/** Fragments in memory at once, and requests that may wait to be read. */
const TAGGING_MAX = 4;
const WAITING_MAX = 64;
/** Reports in memory at once. */
const REPORTING_MAX = 8;
/** How far ahead a report's expiry may lie. */
const EXPIRY_BLOCKS_MAX = 1000;

export function createRoutes(deps: RouteDeps): readonly ApiRoute[] {
  const tagging = new Semaphore(TAGGING_MAX);
  const reporting = new Semaphore(REPORTING_MAX);
  const admit = async ({ request }: ApiRequest) => {
    return (await deps.gate.admit(request.headers.authorization, TICKET_RIGHTS.read)).signer;
  };
  return [
    {
      method: "GET",
      path: "/health",
      handle: async ({ response }) => sendJSON(response, { status: "ok" }),
    },
    {
      method: "GET",
      path: "/metrics",
      async handle({ response }) {
        const text = await deps.metrics.render();
        response.setHeader("content-type", "text/plain; version=0.0.4").end(text);
      },
    },
    {
      method: "GET",
      path: "/v1/status",
      async handle({ response }) {
        const { tagKeyHash, reportSigner } = deps.keys;
        const waitingCount = tagging.waitingCount;
        sendJSON(response, { account: deps.account, tagKeyHash, reportSigner, waitingCount });
      },
    },
    {
      method: "GET",
      path: "/v1/tag-key",
      async handle(api) {
        await admit(api);
        sendBytes(api.response, deps.keys.tagPublicKey);
      },
    },
    {
      method: "POST",
      path: "/v1/tags",
      async handle(api) {
        const signer = await admit(api);
        if (tagging.waitingCount >= WAITING_MAX) throw new ApiError("BUSY", "too many fragments");
        sendBytes(api.response, await tagging.run(() => tagBody(deps, api, signer)));
      },
    },
    {
      method: "POST",
      path: "/v1/reports",
      async handle(api) {
        const signer = await admit(api);
        if (reporting.waitingCount >= WAITING_MAX) throw new ApiError("BUSY", "too many reports");
        sendBytes(api.response, await reporting.run(() => signBody(deps, api, signer)));
      },
    },
  ];
}

async function tagBody(deps: RouteDeps, { request }: ApiRequest, signer: Hex): Promise<Uint8Array> {
  const body = await readBody(request, TAG_BODY_BYTES_MAX);
  const { head, rest } = splitFrame(tagRequestCodec, body);
  checkMiner(head.miner, signer);
  try {
    const tagged = await tagFragment(deps, head, rest);
    deps.counts.taggedBytes.inc({}, rest.length);
    return tagged;
  } catch (cause) {
    if (!hasCode(cause, "POOL_FULL")) throw cause;
    throw new ApiError("BUSY", "too much other work", { cause });
  }
}

async function signBody(
  deps: RouteDeps,
  { request: incoming }: ApiRequest,
  signer: Hex,
): Promise<Uint8Array> {
  const body = await readBody(incoming, REPORT_REQUEST_BYTES_MAX);
  const request = decode(reportRequestCodec, body);
  checkMiner(request.miner, signer);
  const expiryMax = (await deps.chain.height()) + EXPIRY_BLOCKS_MAX;
  if (request.expiryBlock > BigInt(expiryMax)) {
    throw new ApiError("REQUEST_MALFORMED", `expires after block ${expiryMax}`);
  }
  const signature = signReport(deps, request);
  deps.counts.reports.inc();
  return signature;
}

/** A miner speaks for itself only: a MAC made for one is worth nothing to another. */
function checkMiner(miner: Hex, signer: Hex): void {
  if (miner !== signer) throw new ApiError("NOT_OWNER", `the ticket is of ${signer}`);
}
