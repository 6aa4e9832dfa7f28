/**
 * Requests to one storage node. Every answer is checked against the id that was asked for before
 * it is handed on, and every request has a deadline.
 *
 * @see docs/spec/fragment-api.md
 * @module
 */

import { type Codec, encode } from "@cess/codec/codec";
import { hashLeaf, merkleRootOfHashes } from "@cess/crypto/merkle";
import { rootFromRange } from "@cess/crypto/merkle-range";
import { fragmentLeafHashes, fragmentPathCodec, isFragmentOf } from "@cess/erasure/ids";
import { fragmentSizeBytes, segmentSizeBytes } from "@cess/erasure/layout";
import { LEAF_BYTES, PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { WireError } from "@cess/storage-wire/error";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import {
  decodeHeader,
  leafCountOf,
  PATH_HEADER,
  RANGE_PROOF_HEADER,
  rangeProofCodec,
} from "@cess/storage-wire/range";
import { type ReceiptRequest, receiptRequestCodec } from "@cess/storage-wire/receipt-request";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import type { TicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { type Dispatcher, errors } from "undici";
import { StorageClientError } from "./error.ts";
import { type FileName, identityOf } from "./file-id.ts";
import type { NodeHealth } from "./node-health.ts";
import type { StorageMiner } from "./placement.ts";

export interface NodeClientDeps {
  readonly dispatcher: Dispatcher;
  readonly tickets: TicketIssuer;
  readonly health: NodeHealth;
  readonly clock: Clock;
}

export interface FragmentPlace {
  readonly segment: number;
  readonly column: number;
}

/** Bytes [offset, offset + length) of a fragment. */
export interface FragmentRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * All methods throw {@link StorageClientError} `NODE_FAILED` or `BYTES_FORGED`. A signal that aborts
 * with a StorageClientError as its reason puts the blame on the node.
 */
export interface NodeClient {
  /** Streams a fragment whose id is not known yet. Resolves with the id that the node found. */
  storeFragment(
    miner: StorageMiner,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Hex>;
  /** Stores the only fragment of a column and takes the receipt for it, in one request. */
  storeColumn(
    miner: StorageMiner,
    request: ReceiptRequest,
    fragment: { readonly bytes: Uint8Array; readonly signal: AbortSignal },
  ): Promise<Uint8Array>;
  takeReceipt(
    miner: StorageMiner,
    request: ReceiptRequest,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** A whole fragment by its id. */
  readFragment(miner: StorageMiner, id: Hex, signal: AbortSignal): Promise<Uint8Array>;
  /** Exactly `range` of a fragment of a file. */
  readRange(
    miner: StorageMiner,
    from: { readonly file: FileName; readonly place: FragmentPlace; readonly range: FragmentRange },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
}

interface NodeRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly right: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

interface NodeResponse {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Uint8Array;
}

const SIGNATURE_BYTES = 96;
/** The largest answer is a whole fragment, in the profile with the fewest data columns. */
const ANSWER_BYTES_MAX =
  SEGMENT_BYTES_MAX / Math.min(...Object.values(PROFILES).map((profile) => profile.dataCount));
/** Longest silence of a node that is being read from or written to. */
const SILENCE_MS = 60_000;

export function createNodeClient(deps: NodeClientDeps): NodeClient {
  const send = (miner: StorageMiner, request: NodeRequest) => sendRequest(deps, miner, request);
  return {
    async storeFragment(miner, body, signal) {
      const right = TICKET_RIGHTS.write;
      const path = "/v1/fragments";
      const response = await send(miner, { method: "POST", path, right, body, signal });
      return parseFragmentId(miner, response.bytes);
    },
    async storeColumn(miner, request, { bytes, signal }) {
      const head = encodeFrameHead(receiptRequestCodec, request);
      const body = Buffer.concat([head, bytes]);
      const right = TICKET_RIGHTS.write;
      const path = "/v1/columns";
      const response = await send(miner, { method: "PUT", path, right, body, signal });
      return checkSignature(miner, response.bytes);
    },
    async takeReceipt(miner, request, signal) {
      const body = encode(receiptRequestCodec, request);
      const right = TICKET_RIGHTS.write;
      const path = "/v1/receipts";
      const response = await send(miner, { method: "POST", path, right, body, signal });
      return checkSignature(miner, response.bytes);
    },
    async readFragment(miner, id, signal) {
      const path = `/v1/fragments/${id.slice(2)}`;
      const right = TICKET_RIGHTS.read;
      const { bytes } = await send(miner, { method: "GET", path, right, signal });
      const isWhole = bytes.length > 0;
      if (!isWhole || bytesToHex(merkleRootOfHashes(fragmentLeafHashes(bytes))) !== id) {
        throw forged(deps, miner, `another fragment than ${id}`);
      }
      return bytes;
    },
    async readRange(miner, { file, place, range }, signal) {
      const path = `/v1/files/${file.fid.slice(2)}/${place.segment}/${place.column}`;
      const headers = { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
      const right = TICKET_RIGHTS.read;
      const response = await send(miner, { method: "GET", path, right, headers, signal });
      const reason = rangeFault(response, { file, place, range });
      if (reason !== undefined) throw forged(deps, miner, reason);
      const start = range.offset % LEAF_BYTES;
      return response.bytes.subarray(start, start + range.length);
    },
  };
}

async function sendRequest(
  deps: NodeClientDeps,
  miner: StorageMiner,
  request: NodeRequest,
): Promise<NodeResponse> {
  const startMs = deps.clock.nowMs();
  const { method, path, body, signal } = request;
  try {
    const authorization = deps.tickets.header(miner.account, request.right);
    const response = await deps.dispatcher.request({
      origin: miner.endpoint,
      method,
      path,
      headers: { ...request.headers, authorization },
      body: (body ?? null) as Dispatcher.DispatchOptions["body"] & null,
      signal,
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
    });
    const bytes = await readAtMost(response.body, ANSWER_BYTES_MAX);
    if (bytes === undefined) throw forged(deps, miner, "more than any fragment has");
    if (response.statusCode >= 300) {
      const reason = Buffer.from(bytes.subarray(0, 300)).toString();
      throw nodeFailed(miner, response.statusCode, reason);
    }
    deps.health.succeeded(miner.account, deps.clock.nowMs() - startMs);
    return { headers: response.headers, bytes };
  } catch (cause) {
    throw blame(deps, miner, { cause, signal });
  }
}

/** @returns undefined, and leaves the rest unread, if there is more than `bytesMax`. */
async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.length;
    if (sizeBytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  return concatBytes(...pieces);
}

/** Turns what went wrong into an error of the node, and remembers it unless we gave up ourselves. */
function blame(
  deps: NodeClientDeps,
  miner: StorageMiner,
  { cause, signal }: { readonly cause: unknown; readonly signal: AbortSignal },
): unknown {
  if (cause instanceof StorageClientError) {
    const isNodeTrouble = cause.detail.code === "NODE_FAILED" && cause.detail.status >= 500;
    if (isNodeTrouble) deps.health.failed(miner.account);
    return cause;
  }
  if (signal.reason instanceof StorageClientError) {
    // Its peers were done long ago: leave it alone for a while.
    deps.health.failed(miner.account);
    return signal.reason;
  }
  if (signal.aborted) return nodeFailed(miner, 0, "given up", cause);
  if (!(cause instanceof Error)) return cause;
  const isNetwork = cause instanceof errors.UndiciError || "code" in cause;
  if (!isNetwork) return cause;
  deps.health.failed(miner.account);
  return nodeFailed(miner, 0, cause.message, cause);
}

/** Why a response is not the range that was asked for, or undefined if it is. */
function rangeFault(
  { headers, bytes }: NodeResponse,
  asked: { readonly file: FileName; readonly place: FragmentPlace; readonly range: FragmentRange },
): string | undefined {
  const [pathHeader, proofHeader] = [headers[PATH_HEADER], headers[RANGE_PROOF_HEADER]];
  if (typeof pathHeader !== "string" || typeof proofHeader !== "string") return "no proof";
  const [path, proof] = [readPath(pathHeader), readProof(proofHeader)];
  if (path === undefined || proof === undefined) return "a malformed proof";
  const { file, place, range } = asked;
  const identity = identityOf(file);
  if (path.segmentIndex !== place.segment || path.column !== place.column) return "another place";
  const segmentBytes = segmentSizeBytes(file.sizeBytes, place.segment);
  const totalBytes = fragmentSizeBytes(identity.profile, segmentBytes);
  const firstLeaf = Math.floor(range.offset / LEAF_BYTES);
  const endLeaf = Math.ceil((range.offset + range.length) / LEAF_BYTES);
  const endBytes = Math.min(endLeaf * LEAF_BYTES, totalBytes);
  if (proof.firstLeaf !== firstLeaf || bytes.length !== endBytes - firstLeaf * LEAF_BYTES) {
    return "another range";
  }
  const leafHashes = Array.from({ length: endLeaf - firstLeaf }, (_, index) =>
    hashLeaf(bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)),
  );
  const fragmentId = rootFromRange(
    { first: firstLeaf, count: leafHashes.length, leafCount: leafCountOf(totalBytes) },
    { leafHashes, proof: proof.hashes },
  );
  if (fragmentId === undefined || !isFragmentOf(identity, fragmentId, path)) return "other bytes";
  return undefined;
}

const readPath = (header: string) => readHeader(fragmentPathCodec, header);
const readProof = (header: string) => readHeader(rangeProofCodec, header);

function readHeader<T>(codec: Codec<T>, header: string): T | undefined {
  try {
    return decodeHeader(codec, header);
  } catch (cause) {
    if (cause instanceof WireError) return undefined;
    throw cause;
  }
}

function parseFragmentId(miner: StorageMiner, body: Uint8Array): Hex {
  try {
    const { id } = JSON.parse(Buffer.from(body).toString()) as { id: string };
    return bytesToHex(hexToBytes(id, 32));
  } catch (cause) {
    throw nodeFailed(miner, 201, "an answer without a fragment id", cause);
  }
}

function checkSignature(miner: StorageMiner, signature: Uint8Array): Uint8Array {
  if (signature.length === SIGNATURE_BYTES) return signature;
  throw nodeFailed(miner, 200, `a receipt of ${signature.length} bytes`);
}

function forged(deps: NodeClientDeps, miner: StorageMiner, reason: string): StorageClientError {
  deps.health.failed(miner.account);
  return new StorageClientError({ code: "BYTES_FORGED", account: miner.account, reason });
}

function nodeFailed(
  miner: StorageMiner,
  status: number,
  reason: string,
  cause?: unknown,
): StorageClientError {
  const detail = { code: "NODE_FAILED", account: miner.account, status, reason } as const;
  return new StorageClientError(detail, { cause });
}
