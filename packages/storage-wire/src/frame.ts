import { type Codec, decode, encode } from "@cess/codec/codec";
import { WireError } from "./error.ts";

/** Bytes of the length in front of a framed head. */
export const FRAME_PREFIX_BYTES: number = 4;

/** `u32be length ‖ head`: what goes before the raw bytes of a body that carries both. */
export function encodeFrameHead<T>(codec: Codec<T>, head: T): Uint8Array {
  const encoded = encode(codec, head);
  const framed = new Uint8Array(FRAME_PREFIX_BYTES + encoded.length);
  new DataView(framed.buffer).setUint32(0, encoded.length);
  framed.set(encoded, FRAME_PREFIX_BYTES);
  return framed;
}

/** Splits a whole body into its head and the bytes that follow, which are not copied. */
export function splitFrame<T>(
  codec: Codec<T>,
  body: Uint8Array,
): { readonly head: T; readonly rest: Uint8Array } {
  const headBytes = frameHeadBytes(body);
  const end = FRAME_PREFIX_BYTES + headBytes;
  if (end > body.length) {
    throw new WireError({ code: "FRAME_MALFORMED", reason: "the head is longer than the body" });
  }
  const head = decode(codec, body.subarray(FRAME_PREFIX_BYTES, end));
  return { head, rest: body.subarray(end) };
}

/** Length of the head, from the first four bytes of a body. */
export function frameHeadBytes(prefix: Uint8Array): number {
  if (prefix.length < FRAME_PREFIX_BYTES) {
    throw new WireError({ code: "FRAME_MALFORMED", reason: "shorter than its length" });
  }
  return new DataView(prefix.buffer, prefix.byteOffset, FRAME_PREFIX_BYTES).getUint32(0);
}
