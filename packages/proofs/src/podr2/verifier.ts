import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ProofError } from "../error.ts";
import { blockMessage } from "./block-name.ts";
import { type Challenge, challengeTerms, draws } from "./challenge.ts";
import { decodeProof, type Proof } from "./codec.ts";
import { modOrder } from "./field.ts";
import type { G1, Groups } from "./groups.ts";
import { encodeTagVerifierKey, type TagVerifierKey } from "./tag-key.ts";

/** What someone says of a challenge. */
export interface ProofClaim {
  readonly key: TagVerifierKey;
  readonly challenge: Challenge;
  /** As it came: 128 bytes if it is honest. */
  readonly proof: Uint8Array;
}

/** The three points that a claim's equation pairs: e(σ, g₂) = e(expected, v) · e(ψ, w). */
interface Equation {
  readonly key: TagVerifierKey;
  readonly proof: Proof;
  /** Σ ν_i · H(name_i) + y · g₁ − z · ψ. */
  readonly expected: G1;
}

/**
 * Whether the proof answers the challenge. Bytes that are no proof do not.
 *
 * PERF: 0.4 ms for each distinct block, nearly all of it to hash the name to the curve.
 */
export function checkProof(groups: Groups, claim: ProofClaim): boolean {
  const equation = toEquation(groups, claim);
  return equation !== undefined && holdEquations(groups, [equation], [1n]);
}

/**
 * Checks many claims at once, one answer for each: a random combination of all the equations first,
 * and each by itself only if that fails. The combination is drawn from the claims themselves: all
 * who check agree, and a false claim passes with chance 2^-128.
 */
export function checkProofs(groups: Groups, claims: readonly ProofClaim[]): readonly boolean[] {
  const equations = claims.map((claim) => toEquation(groups, claim));
  const sound = equations.filter((equation) => equation !== undefined);
  const weights = draws("cess/podr2/batch/v1", digestClaims(groups, claims), sound.length);
  const holdAll = sound.length === 0 || holdEquations(groups, sound, weights);
  return equations.map((equation) => {
    return equation !== undefined && (holdAll || holdEquations(groups, [equation], [1n]));
  });
}

function toEquation(groups: Groups, claim: ProofClaim): Equation | undefined {
  assert(claim.challenge.samples.length > 0);
  const proof = readProof(groups, claim.proof);
  if (proof === undefined) return undefined;
  const { terms, point } = challengeTerms(claim.challenge);
  const names = groups.combine(
    terms.map((term) => groups.hashToG1(blockMessage(term.block))),
    terms.map((term) => term.coefficient),
  );
  const opening = groups.combine([groups.g1, proof.psi], [proof.y, modOrder(-point)]);
  return { key: claim.key, proof, expected: groups.add(names, opening) };
}

function readProof(groups: Groups, bytes: Uint8Array): Proof | undefined {
  try {
    return decodeProof(groups, bytes);
  } catch (error) {
    if (error instanceof ProofError && error.detail.code === "PROOF_MALFORMED") return undefined;
    throw error;
  }
}

/** Whether the weighted sum of the equations holds; equations of one key share their pairings. */
function holdEquations(
  groups: Groups,
  equations: readonly Equation[],
  weights: readonly bigint[],
): boolean {
  const sum = (items: readonly number[], pick: (equation: Equation) => G1): G1 =>
    groups.combine(
      items.map((index) => pick(equations[index] as Equation)),
      items.map((index) => weights[index] as bigint),
    );
  const byKey = Map.groupBy(equations.keys(), (index) => {
    return encodeTagVerifierKey(groups, (equations[index] as Equation).key).toString();
  });
  const pairs = [...byKey.values()].flatMap((items) => {
    const { key } = equations[items[0] as number] as Equation;
    return [
      [sum(items, (equation) => equation.expected), key.v],
      [sum(items, (equation) => equation.proof.psi), key.w],
    ] as const;
  });
  const sigma = sum([...equations.keys()], (equation) => equation.proof.sigma);
  return groups.isPairingProductOne([[sigma, groups.negateG2(groups.g2)], ...pairs]);
}

function digestClaims(groups: Groups, claims: readonly ProofClaim[]): Uint8Array {
  const hash = createHash("sha256").update("cess/podr2/claims/v1");
  for (const { key, challenge, proof } of claims) {
    // Each claim is hashed by itself, so that no two lists of claims run together alike.
    const inner = createHash("sha256").update(encodeTagVerifierKey(groups, key));
    inner.update(challenge.seed);
    for (const block of challenge.samples) inner.update(blockMessage(block));
    hash.update(inner.update(proof).digest());
  }
  return new Uint8Array(hash.digest());
}
