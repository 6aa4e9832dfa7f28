import { invalidArgument } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import type { ChunkSigner } from "./signature.ts";

/** How the body is framed and what vouches for it. */
export type Payload =
  | { readonly kind: "unsigned" }
  | { readonly kind: "hashed"; readonly sha256Hex: string }
  | {
      readonly kind: "chunked";
      /** Undefined if the chunks are not signed. */
      readonly signer: ChunkSigner | undefined;
      readonly hasTrailer: boolean;
    };

export type PayloadMode =
  | "UNSIGNED-PAYLOAD"
  | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
  | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
  | "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
  | { readonly sha256Hex: string };

/**
 * Reads `x-amz-content-sha256`, which presigned URLs may carry as a parameter.
 *
 * @throws S3Error `InvalidArgument` if it is none of what S3 knows.
 */
export function readPayloadMode(request: S3Request): PayloadMode | undefined {
  const header = request.headers.get("x-amz-content-sha256");
  const text = header ?? request.parameter("X-Amz-Content-Sha256");
  switch (text) {
    case undefined:
      return undefined;
    case "UNSIGNED-PAYLOAD":
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return text;
    default:
      if (/^[0-9a-f]{64}$/.test(text)) return { sha256Hex: text };
      throw invalidArgument("x-amz-content-sha256", text);
  }
}

export function payloadOf(mode: PayloadMode, signer: ChunkSigner): Payload {
  if (typeof mode === "object") return { kind: "hashed", sha256Hex: mode.sha256Hex };
  switch (mode) {
    case "UNSIGNED-PAYLOAD":
      return { kind: "unsigned" };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
      return { kind: "chunked", signer, hasTrailer: false };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
      return { kind: "chunked", signer, hasTrailer: true };
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return { kind: "chunked", signer: undefined, hasTrailer: true };
  }
}
