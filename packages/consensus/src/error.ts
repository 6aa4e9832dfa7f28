import { CodedError } from "@cess/std/error";

export type ConsensusErrorDetail =
  | { readonly code: "SEAT_UNKNOWN"; readonly seat: number; readonly seatCount: number }
  | { readonly code: "SIGNATURE_INVALID"; readonly seat: number }
  | { readonly code: "PROPOSER_WRONG"; readonly seat: number; readonly expectedSeat: number }
  | { readonly code: "PROPOSAL_MALFORMED"; readonly reason: string }
  | { readonly code: "BEACON_PROOF_INVALID"; readonly seat: number }
  | { readonly code: "CERTIFICATE_INVALID"; readonly reason: string }
  | { readonly code: "EVIDENCE_INVALID"; readonly reason: string };

/** A message or certificate from outside that the committee's rules refuse. */
export class ConsensusError extends CodedError<ConsensusErrorDetail> {
  constructor(detail: ConsensusErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
