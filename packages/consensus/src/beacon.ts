/**
 * The randomness beacon: each block's proposer proves a VRF over the last beacon, so it can neither
 * choose its output nor learn another seat's before that seat proposes.
 *
 * A seat has one output per height, whatever the round, and a proposer that dislikes its own can
 * only give up its turn: one bit of influence, paid for with a missed duty.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9381
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { bytes, encode, struct, u64 } from "@cess/codec/codec";
import { concatBytes, utf8ToBytes } from "@cess/std/bytes";

const BEACON_BYTES = 32;
const VRF_OUTPUT_BYTES = 64;
const INPUT_DOMAIN = utf8ToBytes("cess/beacon-input/v1");
const BEACON_DOMAIN = utf8ToBytes("cess/beacon/v1");
const inputCodec = struct<{ beacon: Uint8Array; height: bigint }>({
  beacon: bytes(BEACON_BYTES),
  height: u64,
});

/** What a proposer of `height` proves its VRF over. `previous` is the beacon of the block before. */
export function beaconInput(previous: Uint8Array, height: bigint): Uint8Array {
  return concatBytes(INPUT_DOMAIN, encode(inputCodec, { beacon: previous, height }));
}

/** Beacon of a block: SHA-256("cess/beacon/v1" ‖ beacon before ‖ VRF output of 64 bytes). */
export function nextBeacon(previous: Uint8Array, vrfOutput: Uint8Array): Uint8Array {
  assert.equal(previous.length, BEACON_BYTES);
  assert.equal(vrfOutput.length, VRF_OUTPUT_BYTES);
  const hash = createHash("sha256").update(BEACON_DOMAIN).update(previous).update(vrfOutput);
  return new Uint8Array(hash.digest());
}
