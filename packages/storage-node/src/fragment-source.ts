import type { Miner } from "@cess/chain-client/directory";
import { hashFragment } from "@cess/erasure/fragment-hasher";
import {
  type FileIdentity,
  type FragmentPath,
  fragmentPathCodec,
  isFragmentOf,
} from "@cess/erasure/ids";
import { fragmentSizeBytes, segmentSizeBytes } from "@cess/erasure/layout";
import type { Clock } from "@cess/runtime/clock";
import { bytesToHex } from "@cess/std/bytes";
import { decodeHeader, PATH_HEADER } from "@cess/storage-wire/range";
import { TICKET_RIGHTS } from "@cess/storage-wire/ticket";
import type { TicketIssuer } from "@cess/storage-wire/ticket-issuer";
import { type Dispatcher, request } from "undici";
import { StorageNodeError } from "./error.ts";

export interface FetchedFragment {
  readonly bytes: Uint8Array;
  readonly path: FragmentPath;
}

export interface FragmentWanted {
  readonly file: FileIdentity;
  readonly segment: number;
  readonly column: number;
}

/** Where a repair gets what is left of a segment. */
export interface FragmentSource {
  /**
   * A fragment that was checked against the file's id.
   *
   * @throws {@link StorageNodeError} `SOURCE_FAILED`
   */
  fetch(holder: Miner, wanted: FragmentWanted, signal: AbortSignal): Promise<FetchedFragment>;
}

const TIMEOUT_MS = 30_000;

/** Fetches from other storage nodes over HTTP. */
export function createHTTPFragmentSource(deps: {
  readonly dispatcher: Dispatcher;
  readonly tickets: TicketIssuer;
  readonly clock: Clock;
}): FragmentSource {
  return {
    async fetch(holder, wanted, signal) {
      const failed = (reason: string, cause?: unknown) => {
        const detail = { code: "SOURCE_FAILED", miner: holder.account, reason } as const;
        return new StorageNodeError(detail, { cause });
      };
      const { file, segment, column } = wanted;
      const fid = bytesToHex(file.fid).slice(2);
      try {
        const response = await request(`${holder.endpoint}/v1/files/${fid}/${segment}/${column}`, {
          dispatcher: deps.dispatcher,
          headers: { authorization: deps.tickets.header(holder.account, TICKET_RIGHTS.read) },
          signal: AbortSignal.any([signal, deps.clock.deadline(TIMEOUT_MS)]),
        });
        const header = response.headers[PATH_HEADER];
        if (response.statusCode !== 200 || typeof header !== "string") {
          await response.body.dump();
          throw failed(`status ${response.statusCode}`);
        }
        const path = decodeHeader(fragmentPathCodec, header);
        const bytes = await readExactly(response.body, sizeOf(wanted));
        if (bytes === undefined || !isWanted(wanted, bytes, path)) throw failed("other bytes");
        return { bytes, path };
      } catch (cause) {
        if (cause instanceof StorageNodeError || !(cause instanceof Error)) throw cause;
        throw failed("did not answer", cause);
      }
    },
  };
}

export function sizeOf({ file, segment }: Pick<FragmentWanted, "file" | "segment">): number {
  return fragmentSizeBytes(file.profile, segmentSizeBytes(file.fileSizeBytes, segment));
}

function isWanted(
  { file, segment, column }: FragmentWanted,
  bytes: Uint8Array,
  path: FragmentPath,
): boolean {
  if (path.segmentIndex !== segment || path.column !== column) return false;
  return isFragmentOf(file, hashFragment(bytes).fragmentId, path);
}

async function readExactly(
  body: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<Uint8Array | undefined> {
  const whole = new Uint8Array(sizeBytes);
  let offset = 0;
  for await (const chunk of body) {
    if (offset + chunk.length > sizeBytes) return undefined;
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return offset === sizeBytes ? whole : undefined;
}
