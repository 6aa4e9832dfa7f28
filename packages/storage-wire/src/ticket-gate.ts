import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { ApiError } from "./api-error.ts";
import { checkTicket, type OpenedTicket, openTicket } from "./ticket.ts";

export interface TicketGateDeps {
  readonly chainId: number;
  /** Account of the node behind the gate. */
  readonly audience: Hex;
  readonly wallMs: () => number;
  /** Rights that an account has by what it is on chain: bits of `TICKET_RIGHTS`. */
  readonly rightsOf: (account: Hex) => Promise<number>;
}

export interface TicketGate {
  /**
   * Lets a request pass, and says who makes it.
   *
   * @throws WireError `TICKET_*`, {@link ApiError} `TICKET_SIGNER`.
   */
  admit(header: string | undefined, right: number): Promise<OpenedTicket>;
}

/** PERF: recovering a signer costs 60 µs, and a ticket comes many times. */
const OPENED_MAX = 4096;

export function createTicketGate(deps: TicketGateDeps): TicketGate {
  const opened = new BoundedMap<string, OpenedTicket>(OPENED_MAX);

  function open(header: string | undefined): OpenedTicket {
    const known = header === undefined ? undefined : opened.get(header);
    if (known !== undefined) return known;
    const ticket = openTicket(header, deps.chainId);
    opened.set(header as string, ticket);
    return ticket;
  }

  return {
    async admit(header, right) {
      const ticket = open(header);
      checkTicket(ticket, { audience: deps.audience, right, nowMs: deps.wallMs() });
      const rights = await deps.rightsOf(ticket.signer);
      if ((rights & right) === 0) {
        throw new ApiError("TICKET_SIGNER", `${ticket.signer} may not sign for this`);
      }
      return ticket;
    },
  };
}
