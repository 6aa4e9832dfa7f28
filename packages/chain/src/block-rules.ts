/**
 * When a block may follow the head: the rules of consensus, apart from running it.
 * @module
 */
import { certificateHash } from "@cess/consensus/certificate";
import { type Committee, seatOf } from "@cess/consensus/committee";
import { ConsensusError } from "@cess/consensus/error";
import { proposerOf } from "@cess/consensus/proposer";
import { equalBytes } from "@cess/std/bytes";
import type { BlockFacts } from "./application.ts";
import { ChainError } from "./error.ts";
import type { Body } from "./messages.ts";
import type { VerificationCache } from "./verification-cache.ts";

/** What is fixed for all candidates of one height. */
export interface HeightRules {
  readonly chainId: string;
  readonly height: bigint;
  readonly parent: BlockFacts;
  readonly committee: Committee;
  /** Decided the parent; undefined where the parent is the genesis block. */
  readonly parentCommittee: Committee | undefined;
}

/** What its proposer claims of a block. */
export interface BlockClaim {
  readonly builtRound: number;
  /** As the proposer's VRF proof gives it. */
  readonly beacon: Uint8Array;
}

export const NO_CERTIFICATE_HASH: Uint8Array = new Uint8Array(32);
/** How far a proposer's clock may be ahead of one's own. */
export const TIMESTAMP_DRIFT_SECONDS_MAX: bigint = 5n;

/** @throws ChainError `BLOCK_REFUSED` if the block does not fit its place. */
export function assertBlockFits(rules: HeightRules, facts: BlockFacts, claim: BlockClaim): void {
  const { height, parent, committee } = rules;
  if (facts.height !== height) throw refused("height");
  if (facts.parentHash !== parent.hash) throw refused("parent");
  if (facts.timestampSeconds <= parent.timestampSeconds) throw refused("not after its parent");
  if (!equalBytes(facts.beacon, claim.beacon)) throw refused("beacon");
  const draw = { beacon: parent.beacon, height, round: claim.builtRound };
  const seat = proposerOf({ ...draw, seatCount: committee.seats.length });
  if (facts.proposer !== seatOf(committee, seat).address) throw refused("proposer");
}

/** @throws ChainError `BLOCK_REFUSED` if the header does not stand for this certificate. */
export function assertBodyMatches(facts: BlockFacts, { parentCertificate }: Body): void {
  const hash =
    parentCertificate === undefined ? NO_CERTIFICATE_HASH : certificateHash(parentCertificate);
  if (!equalBytes(hash, facts.lastCertificateHash)) throw refused("certificate hash");
}

/** @throws ChainError `BLOCK_REFUSED` if the parent is not certified, or should not be. */
export function assertParentCertified(
  verifications: VerificationCache,
  { chainId, parent, parentCommittee }: HeightRules,
  { parentCertificate }: Body,
): void {
  if (parentCommittee === undefined || parentCertificate === undefined) {
    if (parentCommittee === parentCertificate) return;
    throw refused("certificate of the parent");
  }
  const { height, valueId } = parentCertificate;
  if (height !== parent.height || valueId !== parent.hash) throw refused("certificate's block");
  try {
    verifications.verifyCertificate({ chainId, committee: parentCommittee }, parentCertificate);
  } catch (cause) {
    if (!(cause instanceof ConsensusError)) throw cause;
    throw new ChainError({ code: "BLOCK_REFUSED", reason: "certificate" }, { cause });
  }
}

/**
 * A block from the future is not prevoted for, however well it fits, unless its time is the least
 * that it may have: with several blocks a second, the chain's time runs ahead.
 */
export function assertNotFromFuture(
  { parent }: HeightRules,
  facts: BlockFacts,
  wallMs: number,
): void {
  const latest = BigInt(Math.floor(wallMs / 1000)) + TIMESTAMP_DRIFT_SECONDS_MAX;
  const isLeast = facts.timestampSeconds === parent.timestampSeconds + 1n;
  if (facts.timestampSeconds > latest && !isLeast) throw refused("from the future");
}

function refused(reason: string): ChainError {
  return new ChainError({ code: "BLOCK_REFUSED", reason });
}
