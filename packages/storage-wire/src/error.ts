import { CodedError } from "@cess/std/error";

/** Why a ticket or a framed body was refused before anything was done with it. */
export type WireErrorDetail =
  | { readonly code: "TICKET_MISSING" }
  | { readonly code: "TICKET_MALFORMED"; readonly reason: string }
  | { readonly code: "TICKET_AUDIENCE"; readonly audience: string }
  | { readonly code: "TICKET_EXPIRED"; readonly expiryMs: bigint }
  | { readonly code: "TICKET_LIFETIME"; readonly expiryMs: bigint }
  | { readonly code: "TICKET_RIGHTS"; readonly rights: number; readonly needed: number }
  | { readonly code: "FRAME_MALFORMED"; readonly reason: string };

export class WireError extends CodedError<WireErrorDetail> {
  constructor(detail: WireErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: WireErrorDetail): string {
  switch (detail.code) {
    case "TICKET_MISSING":
      return "the request carries no ticket";
    case "TICKET_MALFORMED":
      return `not a ticket: ${detail.reason}`;
    case "TICKET_AUDIENCE":
      return `the ticket is for ${detail.audience}`;
    case "TICKET_EXPIRED":
      return `the ticket expired at ${detail.expiryMs}`;
    case "TICKET_LIFETIME":
      return `the ticket is valid for too long, until ${detail.expiryMs}`;
    case "TICKET_RIGHTS":
      return `the ticket gives rights ${detail.rights}, ${detail.needed} is needed`;
    case "FRAME_MALFORMED":
      return `not a framed body: ${detail.reason}`;
  }
}
