import assert from "node:assert/strict";
import type { Proposal } from "@cess/consensus/votes";
import type { Logger } from "@cess/runtime/logger";
import type { BodyPool } from "./body-pool.ts";
import type { Candidates } from "./candidates.ts";
import type { Height } from "./height.ts";
import type { LastCommit } from "./last-commit.ts";
import type { Body } from "./messages.ts";
import type { SeatSigner } from "./seat-signer.ts";

export interface ProposingDeps {
  readonly signer: SeatSigner;
  readonly candidates: Candidates;
  readonly bodies: BodyPool;
  readonly log: Logger;
}

export interface Turn {
  readonly height: Height;
  readonly round: number;
  /** What a quorum prevoted for in an earlier round: it is proposed again. */
  readonly valid: { readonly round: number; readonly proposal: Proposal } | undefined;
  readonly lastCommit: LastCommit;
}

export interface SignedProposal {
  readonly proposal: Proposal;
  readonly body: Body;
}

/** Undefined if this seat has to let its turn pass. */
export async function makeProposal(
  deps: ProposingDeps,
  turn: Turn,
): Promise<SignedProposal | undefined> {
  const { height, round, valid } = turn;
  assert(height.self !== undefined);
  const known = valid?.proposal;
  const made = known === undefined ? await build(deps, turn) : rebuild(deps, known);
  if (made === undefined) return undefined;
  const { valueId, vrfProof, body } = made;
  const proposal = deps.signer.proposal({
    height: height.height,
    round,
    validRound: valid?.round,
    builtRound: known?.builtRound ?? round,
    valueId,
    seat: height.self,
    vrfProof,
  });
  // Undefined if it signed another one before a restart.
  return proposal === undefined ? undefined : { proposal, body };
}

async function build({ signer, candidates, log }: ProposingDeps, { height, lastCommit }: Turn) {
  const { certificate } = lastCommit;
  if (certificate === undefined && height.parentCommittee !== undefined) {
    log.warn("no certificate of the head to propose with", { height: height.height });
    return undefined;
  }
  const { vrfProof, beacon } = signer.proveBeacon(height.parent.beacon, height.height);
  return { ...(await candidates.build(beacon, signer.account, certificate)), vrfProof };
}

function rebuild({ bodies }: ProposingDeps, { valueId, vrfProof }: Proposal) {
  const body = bodies.get(valueId);
  assert(body !== undefined, "the body of the valid value is kept");
  return { body, valueId, vrfProof };
}
