/**
 * Commit certificates: proof that a quorum of one committee precommitted a block.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { bytes, type Codec, encode, struct, u32, u64, variableBytes } from "@cess/codec/codec";
import { aggregateBLS, verifySameMessage } from "@cess/crypto/bls";
import { utf8ToBytes } from "@cess/std/bytes";
import type { ChainCommittee } from "./authenticate.ts";
import { SEAT_COUNT_MAX, seatOf } from "./committee.ts";
import { ConsensusError } from "./error.ts";
import { quorumOf } from "./rules.ts";
import {
  SIGNATURE_BYTES,
  type ValueId,
  type Vote,
  valueIdCodec,
  voteSigningBytes,
} from "./votes.ts";

export interface CommitCertificate {
  readonly height: bigint;
  readonly round: number;
  readonly valueId: ValueId;
  /** Bit `seat % 8` (lowest first) of byte `seat / 8` is set if the seat signed. */
  readonly signers: Uint8Array;
  /** Aggregate of the signers' precommit signatures. */
  readonly signature: Uint8Array;
}

export const certificateCodec: Codec<CommitCertificate> = struct<CommitCertificate>({
  height: u64,
  round: u32,
  valueId: valueIdCodec,
  signers: variableBytes(SEAT_COUNT_MAX / 8),
  signature: bytes(SIGNATURE_BYTES),
});

const DOMAIN = utf8ToBytes("cess/certificate/v1");

/** SHA-256 of a certificate, 32 bytes: what the next header says of it. */
export function certificateHash(certificate: CommitCertificate): Uint8Array {
  const hash = createHash("sha256").update(DOMAIN).update(encode(certificateCodec, certificate));
  return new Uint8Array(hash.digest());
}

/**
 * Sums up the precommits that decided a block.
 *
 * @param precommits - Verified votes of distinct seats for one (height, round, value).
 */
export function createCertificate(
  seatCount: number,
  precommits: readonly Vote[],
): CommitCertificate {
  const [first] = precommits;
  assert(first?.valueId !== undefined, "nil is never committed");
  const { height, round, valueId } = first;
  const signers = new Uint8Array(Math.ceil(seatCount / 8));
  for (const vote of precommits) {
    assert(vote.kind === "precommit" && vote.height === height && vote.round === round);
    assert(vote.valueId === valueId && vote.seat < seatCount && !hasBit(signers, vote.seat));
    signers[vote.seat >> 3]! |= 1 << (vote.seat & 7);
  }
  assert(precommits.length >= quorumOf(seatCount));
  const signature = aggregateBLS(precommits.map((vote) => vote.signature));
  return { height, round, valueId, signers, signature };
}

/** Seats that signed, ascending. */
export function signersOf(certificate: CommitCertificate): readonly number[] {
  const seats = Array.from({ length: 8 * certificate.signers.length }, (_, seat) => seat);
  return seats.filter((seat) => hasBit(certificate.signers, seat));
}

/**
 * Checks that a quorum of the committee signed. Whether the value is the block at hand is for the
 * caller to compare.
 *
 * @throws {@link ConsensusError} `CERTIFICATE_INVALID`
 */
export function verifyCertificate(context: ChainCommittee, certificate: CommitCertificate): void {
  const { chainId, committee } = context;
  const seatCount = committee.seats.length;
  if (certificate.signers.length !== Math.ceil(seatCount / 8)) throw invalid("bitmap size");
  const signers = signersOf(certificate);
  if (signers.some((seat) => seat >= seatCount)) throw invalid("padding bits");
  if (signers.length < quorumOf(seatCount)) throw invalid("no quorum");
  const { height, round, valueId } = certificate;
  const message = voteSigningBytes(chainId, { kind: "precommit", height, round, valueId });
  const keys = signers.map((seat) => seatOf(committee, seat).blsPublicKey);
  if (!verifySameMessage(message, keys, certificate.signature)) throw invalid("signature");
}

function hasBit(bitmap: Uint8Array, index: number): boolean {
  return (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

function invalid(reason: string): ConsensusError {
  return new ConsensusError({ code: "CERTIFICATE_INVALID", reason });
}
