/**
 * Signing what this seat sends, and checking what others send before the machine sees it.
 * @module
 */
import { signBLS, verifyBLS, verifyBLSBatch } from "@cess/crypto/bls";
import { CryptoError } from "@cess/crypto/error";
import { verifyVRF } from "@cess/crypto/vrf";
import { beaconInput, nextBeacon } from "./beacon.ts";
import { type Committee, seatOf } from "./committee.ts";
import { ConsensusError } from "./error.ts";
import { proposerOf } from "./proposer.ts";
import {
  type Proposal,
  proposalSigningBytes,
  type UnsignedProposal,
  type UnsignedVote,
  type Vote,
  voteSigningBytes,
} from "./votes.ts";

export interface ChainCommittee {
  readonly chainId: string;
  readonly committee: Committee;
}

export interface HeightContext extends ChainCommittee {
  /** Beacon of the block before, 32 bytes. */
  readonly beacon: Uint8Array;
}

/** Only after `maySign` allowed it and its record is durable. */
export function signVote(chainId: string, vote: UnsignedVote, blsSecretKey: Uint8Array): Vote {
  return { ...vote, signature: signBLS(voteSigningBytes(chainId, vote), blsSecretKey) };
}

/** Only after `maySign` allowed it and its record is durable. */
export function signProposal(
  chainId: string,
  proposal: UnsignedProposal,
  blsSecretKey: Uint8Array,
): Proposal {
  return { ...proposal, signature: signBLS(proposalSigningBytes(chainId, proposal), blsSecretKey) };
}

/** @throws {@link ConsensusError} `SEAT_UNKNOWN` or `SIGNATURE_INVALID` */
export function verifyVote({ chainId, committee }: ChainCommittee, vote: Vote): void {
  const publicKey = seatOf(committee, vote.seat).blsPublicKey;
  const message = voteSigningBytes(chainId, vote);
  if (verifyBLS({ message, publicKey, signature: vote.signature })) return;
  throw new ConsensusError({ code: "SIGNATURE_INVALID", seat: vote.seat });
}

/** True if every vote is signed by its seat; false says nothing of which is not. */
export function verifyVotes(
  { chainId, committee }: ChainCommittee,
  votes: readonly Vote[],
): boolean {
  if (votes.some((vote) => committee.seats[vote.seat] === undefined)) return false;
  return verifyBLSBatch(
    votes.map((vote) => ({
      message: voteSigningBytes(chainId, vote),
      publicKey: seatOf(committee, vote.seat).blsPublicKey,
      signature: vote.signature,
    })),
  );
}

/**
 * Checks all of a proposal but its block: form, proposer, signature, VRF proof.
 *
 * @returns the beacon that the block's header must carry, 32 bytes.
 * @throws {@link ConsensusError} `PROPOSAL_MALFORMED`, `PROPOSER_WRONG`, `SEAT_UNKNOWN`,
 *   `SIGNATURE_INVALID` or `BEACON_PROOF_INVALID`.
 */
export function verifyProposal(context: HeightContext, proposal: Proposal): Uint8Array {
  assertProposalForm(proposal);
  const { seat, round, signature } = proposal;
  const expectedSeat = proposerOfRound(context, proposal.height, round);
  if (seat !== expectedSeat) {
    throw new ConsensusError({ code: "PROPOSER_WRONG", seat, expectedSeat });
  }
  const publicKey = seatOf(context.committee, seat).blsPublicKey;
  const message = proposalSigningBytes(context.chainId, proposal);
  if (!verifyBLS({ message, publicKey, signature })) {
    throw new ConsensusError({ code: "SIGNATURE_INVALID", seat });
  }
  return verifyBeaconProof(context, proposal);
}

/**
 * Checks the VRF proof behind a block, also where the block comes without its proposal (sync).
 *
 * @returns the block's beacon, 32 bytes.
 * @throws {@link ConsensusError} `BEACON_PROOF_INVALID`
 */
export function verifyBeaconProof(
  context: HeightContext,
  built: Pick<Proposal, "height" | "builtRound" | "vrfProof">,
): Uint8Array {
  const seat = proposerOfRound(context, built.height, built.builtRound);
  const input = beaconInput(context.beacon, built.height);
  try {
    const key = seatOf(context.committee, seat).vrfPublicKey;
    return nextBeacon(context.beacon, verifyVRF(key, input, built.vrfProof));
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new ConsensusError({ code: "BEACON_PROOF_INVALID", seat }, { cause });
  }
}

/** A new value is built in its own round: else a proposer could pick among others' beacons. */
function assertProposalForm({ round, validRound, builtRound }: Proposal): void {
  const isFormed =
    validRound === undefined
      ? builtRound === round
      : builtRound <= validRound && validRound < round;
  if (isFormed) return;
  const reason = `round ${round}, valid ${validRound}, built ${builtRound}`;
  throw new ConsensusError({ code: "PROPOSAL_MALFORMED", reason });
}

function proposerOfRound(context: HeightContext, height: bigint, round: number): number {
  const { beacon, committee } = context;
  return proposerOf({ beacon, height, round, seatCount: committee.seats.length });
}
