import { createHash } from "node:crypto";
import { bytes, type Codec, encode, list, struct } from "@cess/codec/codec";
import { bytesToHex, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { ConsensusError } from "./error.ts";

/** One vote. A validator that is elected twice would hold two seats with two keys. */
export interface Seat {
  /** Account of the validator, 20 bytes. */
  readonly address: Hex;
  /** 48 bytes; its possession was proven when it was registered. */
  readonly blsPublicKey: Uint8Array;
  /** 32 bytes. */
  readonly vrfPublicKey: Uint8Array;
}

/** Who decides the blocks of an era. A vote names its seat by position. */
export interface Committee {
  readonly seats: readonly Seat[];
}

export const SEAT_COUNT_MAX = 256;
const ADDRESS_BYTES = 20;
const DOMAIN = utf8ToBytes("cess/committee/v1");

const address20 = bytes(ADDRESS_BYTES);
const addressCodec: Codec<Hex> = {
  sizeBytes: () => ADDRESS_BYTES,
  write: (value, into) => address20.write(hexToBytes(value, ADDRESS_BYTES), into),
  read: (from) => bytesToHex(address20.read(from)),
};

export const committeeCodec: Codec<Committee> = struct<Committee>({
  seats: list(
    struct<Seat>({ address: addressCodec, blsPublicKey: bytes(48), vrfPublicKey: bytes(32) }),
    SEAT_COUNT_MAX,
  ),
});

/** SHA-256 of the committee, 32 bytes: what a header says of the committee after it. */
export function committeeHash(committee: Committee): Uint8Array {
  const hash = createHash("sha256").update(DOMAIN).update(encode(committeeCodec, committee));
  return new Uint8Array(hash.digest());
}

/** @throws {@link ConsensusError} `SEAT_UNKNOWN` if the committee has no such seat. */
export function seatOf(committee: Committee, seat: number): Seat {
  const found = committee.seats[seat];
  if (found !== undefined) return found;
  throw new ConsensusError({ code: "SEAT_UNKNOWN", seat, seatCount: committee.seats.length });
}
