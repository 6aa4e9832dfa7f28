/**
 * The HTTP interface of a storage node.
 *
 * @see docs/spec/fragment-api.md#2-storage-node
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { decode } from "@cess/codec/codec";
import { rangeProof } from "@cess/crypto/merkle-range";
import { fragmentPathCodec } from "@cess/erasure/ids";
import { LEAF_BYTES } from "@cess/params/profile";
import type { Metrics } from "@cess/runtime/metrics";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { ApiError } from "@cess/storage-wire/api-error";
import {
  type ApiRequest,
  type ApiRoute,
  readBody,
  sendBytes,
  sendJSON,
} from "@cess/storage-wire/api-server";
import {
  type ByteRange,
  encodeHeader,
  formatRange,
  leafCountOf,
  PATH_HEADER,
  RANGE_HEADER,
  RANGE_PROOF_HEADER,
  rangeProofCodec,
  roundToLeaves,
} from "@cess/storage-wire/range";
import { RECEIPT_REQUEST_BYTES_MAX, receiptRequestCodec } from "@cess/storage-wire/receipt-request";
import { type OpenedTicket, TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import type { TicketGate } from "@cess/storage-wire/ticket-gate";
import { type ExpectedFragment, FRAGMENT_BYTES_MAX, type FragmentStore } from "./fragment-store.ts";
import { splitHead } from "./framed-body.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeMetrics } from "./metrics.ts";
import { type ReceiptDeps, signColumn, signReceipt } from "./receipts.ts";

export interface RouteDeps extends ReceiptDeps {
  readonly store: FragmentStore;
  readonly ledger: Ledger;
  readonly gate: TicketGate;
  readonly metrics: Metrics;
  readonly counts: NodeMetrics;
}

export const VERSION: string = "0.1.0";
const OCTETS = "application/octet-stream";

export function createRoutes(deps: RouteDeps): readonly ApiRoute[] {
  const { store, ledger } = deps;
  const read = (api: ApiRequest) => admit(deps, api, TICKET_RIGHTS.read);
  const write = (api: ApiRequest) => admit(deps, api, TICKET_RIGHTS.write);
  return [
    { method: "GET", path: "/health", handle: async (api) => sendHealth(api.response) },
    { method: "GET", path: "/metrics", handle: (api) => sendMetrics(deps, api.response) },
    { method: "GET", path: "/v1/status", handle: (api) => sendStatus(deps, api.response) },
    {
      method: "POST",
      path: "/v1/fragments",
      async handle(api) {
        const ticket = await write(api);
        const { id, sizeBytes } = await storeBody(deps, ticket, bodyOf(api.request, ticket));
        sendJSON(api.response, { id: id.slice(2), sizeBytes }, 201);
      },
    },
    {
      method: "GET",
      path: "/v1/fragments/:",
      async handle(api) {
        await read(api);
        await sendFragment(deps, api, parseId(api.params[0]));
      },
    },
    {
      method: "DELETE",
      path: "/v1/fragments/:",
      async handle(api) {
        const { signer } = await write(api);
        await removeFragment(store, parseId(api.params[0]), signer);
        api.response.writeHead(204).end();
      },
    },
    {
      method: "POST",
      path: "/v1/receipts",
      async handle(api) {
        await write(api);
        const body = await readBody(api.request, RECEIPT_REQUEST_BYTES_MAX);
        sendBytes(api.response, await signReceipt(deps, decode(receiptRequestCodec, body)));
      },
    },
    {
      method: "PUT",
      path: "/v1/columns",
      async handle(api) {
        const ticket = await write(api);
        sendBytes(api.response, await storeColumn(deps, ticket, api.request));
      },
    },
    {
      method: "GET",
      path: "/v1/files/:/:/:",
      async handle(api) {
        await read(api);
        const [fid, segment, column] = api.params;
        const place = { fid: parseId(fid), segment: parseIndex(segment, 0xffff) };
        const piece = ledger.piece({ ...place, column: parseIndex(column, 0xff) });
        if (piece === undefined) throw new ApiError("FRAGMENT_NOT_FOUND", "not held here");
        api.response.setHeader(PATH_HEADER, encodeHeader(fragmentPathCodec, piece.path));
        await sendFragment(deps, api, piece.fragmentId);
      },
    },
  ];
}

async function admit(deps: RouteDeps, api: ApiRequest, right: number): Promise<OpenedTicket> {
  const ticket = await deps.gate.admit(api.request.headers.authorization, right);
  const sizeBytes = Number(api.request.headers["content-length"] ?? 0);
  if (sizeBytes > ticket.bytesMax) {
    throw new ApiError("BODY_TOO_LARGE", `the ticket allows ${ticket.bytesMax} bytes`);
  }
  return ticket;
}

/** The body, which ends with an error if it is cut off. */
function bodyOf(request: IncomingMessage, ticket: OpenedTicket): BoundedBody {
  const sizeBytesMax = Math.min(FRAGMENT_BYTES_MAX, Number(ticket.bytesMax));
  return { chunks: request, sizeBytesMax };
}

interface BoundedBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly sizeBytesMax: number;
}

async function storeBody(
  { store }: RouteDeps,
  { signer }: OpenedTicket,
  { chunks, sizeBytesMax }: BoundedBody,
  expected?: ExpectedFragment,
): Promise<{ readonly id: Hex; readonly sizeBytes: number }> {
  try {
    const options = { sender: signer, sizeBytesMax };
    return await store.write(chunks, expected === undefined ? options : { ...options, expected });
  } catch (cause) {
    throw toApiError(cause);
  }
}

/** Stores the one fragment of a column and signs for it. */
async function storeColumn(
  deps: RouteDeps,
  ticket: OpenedTicket,
  request: IncomingMessage,
): Promise<Uint8Array> {
  const { head, rest } = await splitHead(request, RECEIPT_REQUEST_BYTES_MAX);
  const { sizeBytesMax } = bodyOf(request, ticket);
  return await signColumn(deps, decode(receiptRequestCodec, head), (expected) =>
    storeBody(deps, ticket, { chunks: rest, sizeBytesMax }, expected),
  );
}

/** Answers with the range asked for, rounded to leaves, and with what proves it. */
async function sendFragment(
  { store, ledger, counts }: RouteDeps,
  { request, response }: ApiRequest,
  id: Hex,
): Promise<void> {
  const record = store.info(id);
  if (record === undefined) {
    const isKnown = ledger.isNeeded(id);
    throw new ApiError(isKnown ? "FRAGMENT_LOST" : "FRAGMENT_NOT_FOUND", "not held here");
  }
  const totalSizeBytes = Number(record.sizeBytes);
  const asked = parseRange(request.headers.range, totalSizeBytes);
  const range =
    asked === undefined ? wholeOf(totalSizeBytes) : roundToLeaves(asked, totalSizeBytes);
  const first = range.first / LEAF_BYTES;
  const count = leafCountOf(range.last + 1) - first;
  const hashes = rangeProof(record.leafHashes, { first, count });
  const proof = { firstLeaf: first, leafCount: count, totalSizeBytes, hashes };
  const runs = store.read(id, range);
  // The first run is read before the status is: damage found there is told, not hinted at.
  const begin = await firstRun(runs);
  response.writeHead(asked === undefined ? 200 : 206, {
    "content-type": OCTETS,
    "content-length": range.last - range.first + 1,
    "content-range": `bytes ${formatRange(range, totalSizeBytes)}`,
    [RANGE_HEADER]: formatRange(range, totalSizeBytes),
    [RANGE_PROOF_HEADER]: encodeHeader(rangeProofCodec, proof),
  });
  counts.sentBytes.inc({}, range.last - range.first + 1);
  await pipeline(Readable.from(joined(begin, runs), { objectMode: false }), response);
}

async function firstRun(runs: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  try {
    const { value } = await runs.next();
    return value as Uint8Array;
  } catch (cause) {
    throw toApiError(cause);
  }
}

async function* joined(
  begin: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield begin;
  yield* rest;
}

async function removeFragment(store: FragmentStore, id: Hex, signer: Hex): Promise<void> {
  const record = store.info(id);
  if (record === undefined) throw new ApiError("FRAGMENT_NOT_FOUND", "not held here");
  if (record.sender !== signer) throw new ApiError("NOT_OWNER", "another account stored it");
  if (!(await store.remove(id))) throw new ApiError("FRAGMENT_CLAIMED", "a receipt was given");
}

function sendHealth(response: ServerResponse): void {
  sendJSON(response, { status: "ok" });
}

async function sendMetrics(deps: RouteDeps, response: ServerResponse): Promise<void> {
  const { metrics, counts, store } = deps;
  counts.usedBytes.set(store.usedBytes);
  counts.freeBytes.set(await store.freeBytes());
  counts.fragments.set(store.count);
  response.setHeader("content-type", "text/plain; version=0.0.4").end(await metrics.render());
}

async function sendStatus(
  { store, account, height }: RouteDeps,
  response: ServerResponse,
): Promise<void> {
  sendJSON(response, {
    account,
    version: VERSION,
    height: height(),
    usedBytes: store.usedBytes,
    freeBytes: await store.freeBytes(),
    fragmentCount: store.count,
  });
}

/** @returns undefined without a range, or with one of a kind that is not spoken here. */
function parseRange(header: string | undefined, totalSizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === "" ? totalSizeBytes - 1 : Number(match[2]);
  if (first >= totalSizeBytes || last < first) {
    throw new ApiError("RANGE_UNSATISFIABLE", `of ${totalSizeBytes} bytes`);
  }
  return { first, last: Math.min(last, totalSizeBytes - 1) };
}

function wholeOf(totalSizeBytes: number): ByteRange {
  return { first: 0, last: totalSizeBytes - 1 };
}

function parseId(text: string | undefined): Hex {
  if (text === undefined || !/^[0-9a-f]{64}$/.test(text)) {
    throw new ApiError("REQUEST_MALFORMED", "an id is 64 hex digits in lower case");
  }
  return `0x${text}`;
}

function parseIndex(text: string | undefined, max: number): number {
  const index = /^\d{1,5}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (!(index <= max)) throw new ApiError("REQUEST_MALFORMED", "not an index");
  return index;
}

function toApiError(cause: unknown): unknown {
  if (hasCode(cause, "FRAGMENT_TOO_LARGE")) {
    return new ApiError("BODY_TOO_LARGE", `at most ${FRAGMENT_BYTES_MAX} bytes`, { cause });
  }
  if (hasCode(cause, "FRAGMENT_EMPTY")) {
    return new ApiError("REQUEST_MALFORMED", "a fragment has at least one byte", { cause });
  }
  if (hasCode(cause, "FRAGMENT_OTHER")) {
    return new ApiError("PATH_INVALID", "the bytes are another fragment", { cause });
  }
  if (hasCode(cause, "DISK_FULL")) return new ApiError("DISK_FULL", "no space left", { cause });
  if (hasCode(cause, "FRAGMENT_LOST")) {
    return new ApiError("FRAGMENT_LOST", "damaged here: take another", { cause });
  }
  if (hasCode(cause, "FRAGMENT_NOT_FOUND")) {
    return new ApiError("FRAGMENT_NOT_FOUND", "not held here", { cause });
  }
  return cause;
}
