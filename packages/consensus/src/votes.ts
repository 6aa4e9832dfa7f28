/**
 * Votes and proposals: what seats sign, how it looks on the wire.
 * @module
 */
import {
  bytes,
  type Codec,
  CodecError,
  encode,
  optional,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from "@cess/codec/codec";
import { bytesToHex, concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";

/** Hash of a block, 32 bytes in lower-case hex. */
export type ValueId = Hex;
export type VoteKind = "prevote" | "precommit";
export type Step = "propose" | VoteKind;

export interface UnsignedVote {
  readonly kind: VoteKind;
  readonly height: bigint;
  readonly round: number;
  /** Undefined votes nil: for no value of this round. */
  readonly valueId: ValueId | undefined;
  readonly seat: number;
}

export interface Vote extends UnsignedVote {
  /** BLS12-381 signature over {@link voteSigningBytes}, 96 bytes. */
  readonly signature: Uint8Array;
}

export interface UnsignedProposal {
  readonly height: bigint;
  readonly round: number;
  /** Round in which a quorum prevoted for the value; undefined for a new value (−1 in the paper). */
  readonly validRound: number | undefined;
  /** Round in which the block was built: its proposer made `vrfProof`. At most `round`. */
  readonly builtRound: number;
  readonly valueId: ValueId;
  readonly seat: number;
  /** Proof behind the block's beacon, by the proposer of `builtRound`; 80 bytes. */
  readonly vrfProof: Uint8Array;
}

/** Announces a block; its bytes travel beside it. */
export interface Proposal extends UnsignedProposal {
  /** BLS12-381 signature over {@link proposalSigningBytes}, 96 bytes. */
  readonly signature: Uint8Array;
}

/** What seats gossip to each other. */
export type Message =
  | { readonly kind: "proposal"; readonly proposal: Proposal }
  | { readonly kind: "vote"; readonly vote: Vote };

export const SIGNATURE_BYTES = 96;
export const VRF_PROOF_BYTES = 80;
const CHAIN_ID_MAX_BYTES = 64;
const VOTE_DOMAIN = utf8ToBytes("cess/vote/v1");
const PROPOSAL_DOMAIN = utf8ToBytes("cess/proposal/v1");
const VOTE_KINDS: readonly VoteKind[] = ["prevote", "precommit"];

const hash32 = bytes(32);
export const valueIdCodec: Codec<ValueId> = {
  sizeBytes: () => 32,
  write: (value, into) => hash32.write(hexToBytes(value, 32), into),
  read: (from) => bytesToHex(hash32.read(from)),
};

const voteKindCodec: Codec<VoteKind> = {
  sizeBytes: () => 1,
  write: (value, into) => u8.write(VOTE_KINDS.indexOf(value), into),
  read(from) {
    const tag = u8.read(from);
    const kind = VOTE_KINDS[tag];
    if (kind === undefined) throw new CodecError({ code: "CODEC_TAG", tag });
    return kind;
  },
};

export const voteCodec: Codec<Vote> = struct<Vote>({
  kind: voteKindCodec,
  height: u64,
  round: u32,
  valueId: optional(valueIdCodec),
  seat: u16,
  signature: bytes(SIGNATURE_BYTES),
});

export const proposalCodec: Codec<Proposal> = struct<Proposal>({
  height: u64,
  round: u32,
  validRound: optional(u32),
  builtRound: u32,
  valueId: valueIdCodec,
  seat: u16,
  vrfProof: bytes(VRF_PROOF_BYTES),
  signature: bytes(SIGNATURE_BYTES),
});

type Signed<T> = { readonly chainId: string } & Omit<T, "signature">;
type VoteContent = Omit<UnsignedVote, "seat">;

const voteSigningCodec = struct<Signed<VoteContent>>({
  chainId: text(CHAIN_ID_MAX_BYTES),
  kind: voteKindCodec,
  height: u64,
  round: u32,
  valueId: optional(valueIdCodec),
});

const proposalSigningCodec = struct<Signed<UnsignedProposal>>({
  chainId: text(CHAIN_ID_MAX_BYTES),
  height: u64,
  round: u32,
  validRound: optional(u32),
  builtRound: u32,
  valueId: valueIdCodec,
  seat: u16,
  vrfProof: bytes(VRF_PROOF_BYTES),
});

/**
 * Bytes a voter signs. They leave the seat out, so that equal votes of many seats aggregate to one
 * signature; the key that verifies it says whose it is.
 */
export function voteSigningBytes(chainId: string, vote: VoteContent): Uint8Array {
  return concatBytes(VOTE_DOMAIN, encode(voteSigningCodec, { ...vote, chainId }));
}

/** Bytes a proposer signs. */
export function proposalSigningBytes(chainId: string, proposal: UnsignedProposal): Uint8Array {
  return concatBytes(PROPOSAL_DOMAIN, encode(proposalSigningCodec, { ...proposal, chainId }));
}
