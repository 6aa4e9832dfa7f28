import { hash } from "node:crypto";
import { type Codec, encode } from "@cess/codec/codec";
import {
  type ChainCommittee,
  type HeightContext,
  verifyBeaconProof,
  verifyProposal,
  verifyVote,
} from "@cess/consensus/authenticate";
import {
  type CommitCertificate,
  certificateCodec,
  verifyCertificate,
} from "@cess/consensus/certificate";
import { type Committee, committeeHash } from "@cess/consensus/committee";
import { ConsensusError } from "@cess/consensus/error";
import { type Proposal, proposalCodec, type Vote, voteCodec } from "@cess/consensus/votes";
import { BoundedMap } from "@cess/std/bounded-map";
import { bytesToHex } from "@cess/std/bytes";

type Outcome<T> = { readonly value: T } | { readonly error: ConsensusError };

const OUTCOMES_MAX = 8192;
const NOTHING = new Uint8Array();

/**
 * Remembers the outcome of signature and VRF checks, which depend on nothing but their input: a
 * message that comes again, or to another node of the same process, costs one hash.
 */
export class VerificationCache {
  readonly #outcomes = new BoundedMap<string, Outcome<Uint8Array>>(OUTCOMES_MAX);
  readonly #committees = new WeakMap<Committee, string>();

  /** As {@link verifyVote}. */
  verifyVote(context: ChainCommittee, vote: Vote): void {
    this.#recall(this.#key("vote", context, { codec: voteCodec, value: vote }), () => {
      verifyVote(context, vote);
      return NOTHING;
    });
  }

  /** As {@link verifyProposal}. */
  verifyProposal(context: HeightContext, proposal: Proposal): Uint8Array {
    const beacon = bytesToHex(context.beacon);
    const key = this.#key("proposal", context, { codec: proposalCodec, value: proposal });
    return this.#recall(`${key}/${beacon}`, () => verifyProposal(context, proposal));
  }

  /** As {@link verifyBeaconProof}. */
  verifyBeaconProof(
    context: HeightContext,
    built: Pick<Proposal, "height" | "builtRound" | "vrfProof">,
  ): Uint8Array {
    const { height, builtRound, vrfProof } = built;
    const what = `${height}/${builtRound}/${bytesToHex(vrfProof)}/${bytesToHex(context.beacon)}`;
    return this.#recall(`beacon/${this.#hashOf(context.committee)}/${what}`, () =>
      verifyBeaconProof(context, built),
    );
  }

  /** As {@link verifyCertificate}. */
  verifyCertificate(context: ChainCommittee, certificate: CommitCertificate): void {
    const subject = { codec: certificateCodec, value: certificate };
    this.#recall(this.#key("certificate", context, subject), () => {
      verifyCertificate(context, certificate);
      return NOTHING;
    });
  }

  #key<T>(
    kind: string,
    { chainId, committee }: ChainCommittee,
    { codec, value }: { readonly codec: Codec<T>; readonly value: T },
  ): string {
    const digest = hash("sha256", encode(codec, value), "base64");
    return `${kind}/${chainId}/${this.#hashOf(committee)}/${digest}`;
  }

  #hashOf(committee: Committee): string {
    let known = this.#committees.get(committee);
    if (known === undefined) {
      known = bytesToHex(committeeHash(committee));
      this.#committees.set(committee, known);
    }
    return known;
  }

  #recall(key: string, check: () => Uint8Array): Uint8Array {
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = outcomeOf(check);
      this.#outcomes.set(key, outcome);
    }
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }
}

function outcomeOf(check: () => Uint8Array): Outcome<Uint8Array> {
  try {
    return { value: check() };
  } catch (cause) {
    if (cause instanceof ConsensusError) return { error: cause };
    throw cause;
  }
}
