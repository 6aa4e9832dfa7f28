/** Checks of what callers pass in, the same in every module. @module */

import { createHash } from "node:crypto";
import { recoverAddress } from "@cess/crypto/secp256k1";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { require } from "./error.ts";

export const ENDPOINT_BYTES_MAX = 256;
export const REGION_BYTES_MAX = 64;
export const NAME_BYTES_MAX = 64;
/** Most bytes of one territory or miner: 1 PiB. */
export const SPACE_BYTES_MAX: number = 2 ** 50;

export function requireText(text: string, sizeBytesMax: number, what: string): void {
  const sizeBytes = Buffer.byteLength(text);
  require(sizeBytes > 0 &&
    sizeBytes <= sizeBytesMax, "ARGUMENT_INVALID", `${what}: 1 to ${sizeBytesMax} bytes`);
}

export function requireTextOrNone(text: string, sizeBytesMax: number, what: string): void {
  const fits = Buffer.byteLength(text) <= sizeBytesMax;
  require(fits, "ARGUMENT_INVALID", `${what}: up to ${sizeBytesMax} bytes`);
}

/** A count of bytes as a number that arithmetic keeps exact. */
export function requireSpace(sizeBytes: bigint, min: number, what: string): number {
  const fits = sizeBytes >= BigInt(min) && sizeBytes <= BigInt(SPACE_BYTES_MAX);
  require(fits, "ARGUMENT_INVALID", `${what}: ${min} to ${SPACE_BYTES_MAX}`);
  return Number(sizeBytes);
}

export function requireBytes(value: Hex, sizeBytes: number, what: string): Uint8Array {
  require(value.length === 2 + 2 * sizeBytes, "ARGUMENT_INVALID", `${what}: ${sizeBytes} bytes`);
  return hexToBytes(value, sizeBytes);
}

/** Account that signed a digest, or nothing for bytes that are no signature. */
export function signerOf(digest: Uint8Array, signature: Uint8Array): Hex | undefined {
  try {
    return bytesToHex(recoverAddress(digest, signature));
  } catch (cause) {
    if (hasCode(cause, "SIGNATURE_MALFORMED")) return undefined;
    throw cause;
  }
}

/** Remembers answers of a pure check: a block is proposed, validated and executed by one process. */
export function createCheckCache(countMax: number): CheckCache {
  const answers = new BoundedMap<string, boolean>(countMax);
  return {
    async answer(parts, check) {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(`${part.length},`).update(part);
      const key = hash.digest("base64");
      const known = answers.get(key);
      if (known !== undefined) return known;
      const fresh = await check();
      answers.set(key, fresh);
      return fresh;
    },
  };
}

export interface CheckCache {
  /** What `check` says of `parts`, which must hold all that it looks at. */
  answer(parts: readonly Uint8Array[], check: () => boolean | Promise<boolean>): Promise<boolean>;
}
