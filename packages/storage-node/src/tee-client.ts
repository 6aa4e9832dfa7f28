/**
 * What a miner asks of TEE workers.
 *
 * @see docs/spec/fragment-api.md#3-tee-worker
 * @module
 */

import type { Worker } from "@cess/chain-client/directory";
import { encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import { concatBytes } from "@cess/std/bytes";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import {
  decodeTagResponse,
  type ReportRequest,
  reportRequestCodec,
  type TagRequest,
  type TagResponse,
  tagRequestCodec,
} from "@cess/storage-wire/tag-request";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import type { TicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { type Dispatcher, request } from "undici";
import { StorageNodeError } from "./error.ts";

export interface TEEClientDeps {
  readonly dispatcher: Dispatcher;
  readonly tickets: TicketIssuer;
  readonly clock: Clock;
}

/** Each call throws {@link StorageNodeError} `WORKER_FAILED` with the worker's own code as reason. */
export interface TEEClient {
  tagKey(worker: Worker): Promise<Uint8Array>;
  tag(worker: Worker, head: TagRequest, fragment: Uint8Array): Promise<TagResponse>;
  /** @returns a signature of 65 bytes over the report's digest. */
  report(worker: Worker, report: ReportRequest): Promise<Uint8Array>;
}

const TIMEOUT_MS = 60_000;
const RESPONSE_BYTES_MAX = 1024 * 1024;

export function createTEEClient(deps: TEEClientDeps): TEEClient {
  async function ask(
    worker: Worker,
    path: string,
    body: Uint8Array | undefined,
  ): Promise<Uint8Array> {
    const failed = (reason: string, cause?: unknown) => {
      return new StorageNodeError(
        { code: "WORKER_FAILED", worker: worker.account, reason },
        { cause },
      );
    };
    try {
      const response = await request(`${worker.endpoint}${path}`, {
        dispatcher: deps.dispatcher,
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: deps.tickets.header(worker.account, TICKET_RIGHTS.read) },
        body: body ?? null,
        signal: deps.clock.deadline(TIMEOUT_MS),
      });
      const answer = await readAtMost(response.body, RESPONSE_BYTES_MAX);
      if (response.statusCode === 200 && answer !== undefined) return answer;
      throw failed(Buffer.from(answer ?? []).toString("utf8", 0, 300));
    } catch (cause) {
      if (cause instanceof StorageNodeError || !(cause instanceof Error)) throw cause;
      throw failed("did not answer", cause);
    }
  }

  return {
    tagKey: (worker) => ask(worker, "/v1/tag-key", undefined),
    async tag(worker, head, fragment) {
      const body = concatBytes(encodeFrameHead(tagRequestCodec, head), fragment);
      return decodeTagResponse(await ask(worker, "/v1/tags", body));
    },
    report: (worker, report) => ask(worker, "/v1/reports", encode(reportRequestCodec, report)),
  };
}

async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}
