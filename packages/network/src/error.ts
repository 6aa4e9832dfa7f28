import { CodedError } from "@cess/std/error";

export type NetworkErrorDetail =
  | { readonly code: "NOT_RUNNING" }
  | { readonly code: "PEER_UNREACHABLE"; readonly peerId: string }
  | { readonly code: "REQUEST_TIMEOUT"; readonly peerId: string; readonly protocolId: string }
  | { readonly code: "REQUEST_FAILED"; readonly peerId: string; readonly protocolId: string }
  /** The peer answered that it will not serve this request. */
  | {
      readonly code: "REQUEST_REFUSED";
      readonly peerId: string;
      readonly protocolId: string;
      readonly reason: RefusalReason;
    }
  | { readonly code: "RESPONSE_MALFORMED"; readonly peerId: string; readonly protocolId: string }
  | { readonly code: "MESSAGE_TOO_LARGE"; readonly id: string; readonly sizeBytesMax: number }
  | { readonly code: "IDENTITY_INVALID" }
  | { readonly code: "ADDRESS_INVALID"; readonly address: string };

export type RefusalReason = "rateLimited" | "malformed" | "failed";

/** What may go wrong between two nodes. */
export class NetworkError extends CodedError<NetworkErrorDetail> {
  constructor(detail: NetworkErrorDetail, options?: ErrorOptions) {
    super(detail, `${detail.code} ${JSON.stringify(detail)}`, options);
  }
}
