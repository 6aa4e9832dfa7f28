import { type Codec, struct, union } from "@cess/codec/codec";
import { verifyBLS } from "@cess/crypto/bls";
import { type ChainCommittee, verifyVote } from "./authenticate.ts";
import { seatOf } from "./committee.ts";
import { ConsensusError } from "./error.ts";
import {
  type Proposal,
  proposalCodec,
  proposalSigningBytes,
  type Vote,
  voteCodec,
} from "./votes.ts";

/** Two different messages of one step, which a correct seat would not both have signed. */
export type Evidence =
  | { readonly kind: "votes"; readonly first: Vote; readonly second: Vote }
  | { readonly kind: "proposals"; readonly first: Proposal; readonly second: Proposal };

export const evidenceCodec: Codec<Evidence> = union<Evidence>({
  votes: struct<{ first: Vote; second: Vote }>({ first: voteCodec, second: voteCodec }),
  proposals: struct<{ first: Proposal; second: Proposal }>({
    first: proposalCodec,
    second: proposalCodec,
  }),
});

/**
 * Checks evidence against the committee of its height.
 *
 * @returns the seat that signed both.
 * @throws {@link ConsensusError} `EVIDENCE_INVALID`, `SEAT_UNKNOWN` or `SIGNATURE_INVALID`.
 */
export function verifyEvidence(context: ChainCommittee, evidence: Evidence): number {
  const { first, second } = evidence;
  if (first.height !== second.height || first.round !== second.round) throw invalid("other round");
  if (first.seat !== second.seat) throw invalid("other seat");
  if (first.valueId === second.valueId) throw invalid("no conflict");
  switch (evidence.kind) {
    case "votes":
      if (evidence.first.kind !== evidence.second.kind) throw invalid("other step");
      verifyVote(context, evidence.first);
      verifyVote(context, evidence.second);
      break;
    case "proposals":
      verifySigned(context, evidence.first);
      verifySigned(context, evidence.second);
      break;
  }
  return first.seat;
}

function verifySigned({ chainId, committee }: ChainCommittee, proposal: Proposal): void {
  const { seat, signature } = proposal;
  const publicKey = seatOf(committee, seat).blsPublicKey;
  const message = proposalSigningBytes(chainId, proposal);
  if (!verifyBLS({ message, publicKey, signature })) {
    throw new ConsensusError({ code: "SIGNATURE_INVALID", seat });
  }
}

function invalid(reason: string): ConsensusError {
  return new ConsensusError({ code: "EVIDENCE_INVALID", reason });
}
