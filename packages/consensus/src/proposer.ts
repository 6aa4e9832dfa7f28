import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { bytes, encode, struct, u32, u64 } from "@cess/codec/codec";
import { bytesToBigint, utf8ToBytes } from "@cess/std/bytes";

export interface ProposerDraw {
  /** Beacon of the block before, 32 bytes. */
  readonly beacon: Uint8Array;
  readonly height: bigint;
  readonly round: number;
  readonly seatCount: number;
}

const DOMAIN = utf8ToBytes("cess/proposer/v1");
const drawCodec = struct<Omit<ProposerDraw, "seatCount">>({
  beacon: bytes(32),
  height: u64,
  round: u32,
});

/** Seat that proposes in (height, round): SHA-256(domain ‖ beacon ‖ height ‖ round) mod seats. */
export function proposerOf(draw: ProposerDraw): number {
  assert(draw.seatCount > 0);
  const digest = createHash("sha256").update(DOMAIN).update(encode(drawCodec, draw)).digest();
  return Number(bytesToBigint(digest) % BigInt(draw.seatCount));
}
