import { bytes, type Codec } from "@cess/codec/codec";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";

/** Exactly `sizeBytes` bytes on the wire, lower-case hex in memory. */
export function hex(sizeBytes: number): Codec<Hex> {
  const inner = bytes(sizeBytes);
  return {
    sizeBytes: () => sizeBytes,
    write: (value, into) => inner.write(hexToBytes(value, sizeBytes), into),
    read: (from) => bytesToHex(inner.read(from)),
  };
}

export const addressCodec: Codec<Hex> = hex(20);
export const hashCodec: Codec<Hex> = hex(32);
