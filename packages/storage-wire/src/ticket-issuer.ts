import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { signTicket, TICKET_LIFETIME_MS, TICKET_NONCE_BYTES } from "./ticket.ts";

export interface TicketIssuerDeps {
  readonly chainId: number;
  /** Key of a registered gateway, miner or TEE worker. */
  readonly privateKey: Uint8Array;
  /** Unix time in milliseconds. */
  readonly wallMs: () => number;
  readonly randomBytes: (sizeBytes: number) => Uint8Array;
}

export interface TicketIssuer {
  /** A header for requests of `audience`, kept until it is half spent. */
  header(audience: Hex, rights: number): string;
}

interface IssuedTicket {
  readonly header: string;
  readonly renewMs: number;
}

const AUDIENCES_MAX = 4096;
/** Larger than any body: the interfaces have their own limits. */
const BODY_BYTES_MAX = 2n ** 30n;

/** Signs one ticket for each node and set of rights, and again when half of its life is over. */
export function createTicketIssuer(deps: TicketIssuerDeps): TicketIssuer {
  const issued = new BoundedMap<string, IssuedTicket>(AUDIENCES_MAX);
  return {
    header(audience, rights) {
      const nowMs = deps.wallMs();
      const key = `${audience}/${rights}`;
      const known = issued.get(key);
      if (known !== undefined && nowMs < known.renewMs) return known.header;
      const header = signTicket(
        {
          audience,
          rights,
          expiryMs: BigInt(Math.floor(nowMs) + TICKET_LIFETIME_MS),
          bytesMax: BODY_BYTES_MAX,
          nonce: deps.randomBytes(TICKET_NONCE_BYTES),
        },
        deps,
      );
      issued.set(key, { header, renewMs: nowMs + TICKET_LIFETIME_MS / 2 });
      return header;
    },
  };
}
