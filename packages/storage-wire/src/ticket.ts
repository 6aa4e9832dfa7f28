/**
 * Capability tickets: whoever carries one may make requests of one node for a few minutes.
 *
 * @see docs/spec/fragment-api.md#1-tickets
 * @module
 */
import { bytes, type Codec, CodecError, decode, encode, struct, u8, u64 } from "@cess/codec/codec";
import { CryptoError } from "@cess/crypto/error";
import {
  keccak256,
  RECOVERABLE_SIGNATURE_BYTES,
  recoverAddress,
  signDigest,
} from "@cess/crypto/secp256k1";
import {
  asBuffer,
  bigintToBytes,
  bytesToHex,
  concatBytes,
  type Hex,
  utf8ToBytes,
} from "@cess/std/bytes";
import { WireError } from "./error.ts";
import { addressCodec } from "./hex-codec.ts";

export const TICKET_VERSION: number = 1;
/** Bits of `rights`. */
export const TICKET_RIGHTS = { read: 1, write: 2 } as const;
export const TICKET_LIFETIME_MS: number = 10 * 60 * 1000;
/** What the clocks of two machines may differ by. */
export const TICKET_SKEW_MS: number = 60 * 1000;
export const TICKET_NONCE_BYTES: number = 16;

export interface Ticket {
  /** Account of the node that is asked. */
  readonly audience: Hex;
  readonly rights: number;
  /** Unix time. */
  readonly expiryMs: bigint;
  /** Most bytes of one request or response body. */
  readonly bytesMax: bigint;
  readonly nonce: Uint8Array;
}

export interface OpenedTicket extends Ticket {
  readonly signer: Hex;
}

type VersionedTicket = Ticket & { readonly version: number };

const DOMAIN = utf8ToBytes("cess/ticket/v1");
const SCHEME = "Cess ";
const ticketCodec: Codec<VersionedTicket> = struct<VersionedTicket>({
  version: u8,
  audience: addressCodec,
  rights: u8,
  expiryMs: u64,
  bytesMax: u64,
  nonce: bytes(TICKET_NONCE_BYTES),
});
/** Exact size of a signed ticket. */
export const TICKET_BYTES: number = 1 + 20 + 1 + 8 + 8 + 16 + RECOVERABLE_SIGNATURE_BYTES;
const HEADER_CHARS = SCHEME.length + Math.ceil((TICKET_BYTES * 4) / 3);

/** @returns the value of the `authorization` header. */
export function signTicket(
  ticket: Ticket,
  { chainId, privateKey }: { readonly chainId: number; readonly privateKey: Uint8Array },
): string {
  const body = encode(ticketCodec, { ...ticket, version: TICKET_VERSION });
  const signed = concatBytes(body, signDigest(ticketDigest(body, chainId), privateKey));
  return `${SCHEME}${asBuffer(signed).toString("base64url")}`;
}

/**
 * Reads the `authorization` header and recovers who signed it. Says nothing about whether that
 * account may sign, nor whether the ticket fits the request: see {@link checkTicket}.
 *
 * @throws {@link WireError} `TICKET_MISSING` or `TICKET_MALFORMED`.
 */
export function openTicket(header: string | undefined, chainId: number): OpenedTicket {
  if (header === undefined) throw new WireError({ code: "TICKET_MISSING" });
  if (!header.startsWith(SCHEME) || header.length !== HEADER_CHARS) {
    throw malformed("not a ticket header");
  }
  const signed = new Uint8Array(Buffer.from(header.slice(SCHEME.length), "base64url"));
  if (signed.length !== TICKET_BYTES) throw malformed("of another length");
  const body = signed.subarray(0, TICKET_BYTES - RECOVERABLE_SIGNATURE_BYTES);
  try {
    const { version, ...ticket } = decode(ticketCodec, body);
    if (version !== TICKET_VERSION) throw malformed(`of version ${version}`);
    const signature = signed.subarray(body.length);
    return {
      ...ticket,
      signer: bytesToHex(recoverAddress(ticketDigest(body, chainId), signature)),
    };
  } catch (cause) {
    if (cause instanceof CodecError || cause instanceof CryptoError) {
      throw malformed("of the wrong form", cause);
    }
    throw cause;
  }
}

export interface TicketUse {
  /** Account of the node that checks. */
  readonly audience: Hex;
  /** One of {@link TICKET_RIGHTS}. */
  readonly right: number;
  /** Unix time. */
  readonly nowMs: number;
}

/**
 * Checks that the ticket is for this node, now, with the right needed.
 *
 * @throws {@link WireError} `TICKET_AUDIENCE`, `TICKET_EXPIRED`, `TICKET_LIFETIME`, `TICKET_RIGHTS`.
 */
export function checkTicket(ticket: Ticket, use: TicketUse): void {
  const { audience, expiryMs, rights } = ticket;
  if (audience !== use.audience) throw new WireError({ code: "TICKET_AUDIENCE", audience });
  const expiry = Number(expiryMs);
  if (expiry + TICKET_SKEW_MS < use.nowMs)
    throw new WireError({ code: "TICKET_EXPIRED", expiryMs });
  if (expiry - TICKET_SKEW_MS > use.nowMs + TICKET_LIFETIME_MS) {
    throw new WireError({ code: "TICKET_LIFETIME", expiryMs });
  }
  if ((rights & use.right) === 0) {
    throw new WireError({ code: "TICKET_RIGHTS", rights, needed: use.right });
  }
}

function ticketDigest(body: Uint8Array, chainId: number): Uint8Array {
  return keccak256(concatBytes(DOMAIN, bigintToBytes(BigInt(chainId), 8), body));
}

function malformed(reason: string, cause?: unknown): WireError {
  return new WireError({ code: "TICKET_MALFORMED", reason }, { cause });
}
