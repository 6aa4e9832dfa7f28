import { CodedError } from "./error.ts";

/** Lower-case hex with the `0x` prefix of the Ethereum world. */
export type Hex = `0x${string}`;

export type BytesErrorDetail = {
  readonly code: "HEX_MALFORMED";
  readonly text: string;
};

export class BytesError extends CodedError<BytesErrorDetail> {
  constructor(detail: BytesErrorDetail) {
    super(detail, `not hex of the expected length: ${detail.text}`);
  }
}

export function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${asBuffer(bytes).toString("hex")}`;
}

/**
 * Reads hex with or without the `0x` prefix, in either case.
 *
 * @param sizeBytes - Exact length wanted; any length if left out.
 * @throws {@link BytesError} if a digit is not hex or the length is another.
 */
export function hexToBytes(text: string, sizeBytes?: number): Uint8Array {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  const isHex = digits.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(digits);
  if (!isHex || (sizeBytes !== undefined && digits.length !== 2 * sizeBytes)) {
    throw new BytesError({ code: "HEX_MALFORMED", text: text.slice(0, 100) });
  }
  return new Uint8Array(Buffer.from(digits, "hex"));
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && asBuffer(left).equals(right);
}

/** Lexicographic order, as for `Array.prototype.sort`. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

export function utf8ToBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Big-endian, exactly `sizeBytes` long; asserts nothing: the value is cut to fit. */
export function bigintToBytes(value: bigint, sizeBytes: number): Uint8Array {
  const digits = BigInt.asUintN(8 * sizeBytes, value).toString(16);
  return new Uint8Array(Buffer.from(digits.padStart(2 * sizeBytes, "0"), "hex"));
}

/** Big-endian and unsigned; the empty array is 0. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(bytesToHex(bytes));
}

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
