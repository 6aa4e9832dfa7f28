/**
 * The rule that keeps a seat from signing twice: what it signs only ever moves forward in
 * (height, round, step). Equal bytes may be signed again, so that a restart can repeat itself.
 *
 * The host keeps the last {@link SignRecord} on disk and replaces it, durably, *before* it signs.
 * @module
 */
import { createHash } from "node:crypto";
import { bytes, type Codec, struct, u8, u32, u64 } from "@cess/codec/codec";
import { equalBytes } from "@cess/std/bytes";
import {
  proposalSigningBytes,
  type Step,
  type UnsignedProposal,
  type UnsignedVote,
  voteSigningBytes,
} from "./votes.ts";

export interface SignRecord {
  readonly version: number;
  readonly height: bigint;
  readonly round: number;
  /** 0 proposal, 1 prevote, 2 precommit: the order in which a round signs them. */
  readonly step: number;
  /** SHA-256 of the signed bytes. */
  readonly digest: Uint8Array;
}

export const signRecordCodec: Codec<SignRecord> = struct<SignRecord>({
  version: u8,
  height: u64,
  round: u32,
  step: u8,
  digest: bytes(32),
});

const VERSION = 1;
const STEPS: readonly Step[] = ["propose", "prevote", "precommit"];

/** Whether a seat whose last record is `last` may sign what `next` stands for. */
export function maySign(last: SignRecord | undefined, next: SignRecord): boolean {
  if (last === undefined) return true;
  if (next.height !== last.height) return next.height > last.height;
  if (next.round !== last.round) return next.round > last.round;
  if (next.step !== last.step) return next.step > last.step;
  return equalBytes(next.digest, last.digest);
}

export function signRecordOfVote(chainId: string, vote: UnsignedVote): SignRecord {
  const { height, round, kind } = vote;
  const digest = sha256(voteSigningBytes(chainId, vote));
  return { version: VERSION, height, round, step: STEPS.indexOf(kind), digest };
}

export function signRecordOfProposal(chainId: string, proposal: UnsignedProposal): SignRecord {
  const { height, round } = proposal;
  const digest = sha256(proposalSigningBytes(chainId, proposal));
  return { version: VERSION, height, round, step: 0, digest };
}

function sha256(message: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(message).digest());
}
