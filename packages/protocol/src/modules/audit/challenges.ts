import { createHash } from "node:crypto";
import { list, optional, struct, u8, u16, u32 } from "@cess/codec/codec";
import { CHALLENGE_SAMPLES } from "@cess/params/podr2";
import { asBuffer, bigintToBytes, bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { auditAbi } from "../../abi/audit.ts";
import { ModuleError } from "../../error.ts";
import { createEmit, type Emit } from "../../events.ts";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import type { Sample } from "../../proof-verifier.ts";
import { CHALLENGE_PURPOSE, CHALLENGE_STATE } from "../../states.ts";
import {
  address,
  type Cell,
  defineCell,
  defineSchedule,
  defineTable,
  hash32,
  hex,
  NO_GROUP,
  type Place,
  placeCodec,
  type Schedule,
  safe64,
  type Table,
} from "../../storage.ts";
import { verifiers } from "../tee/records.ts";
import { openChallenges, periodicChallenges } from "./open.ts";
import { drawFromMiner, drawFromPlace } from "./samples.ts";

export const PROOF_BYTES = 128;
export const VERDICT = { none: 0, passed: 1, failed: 2 } as const;

export interface Challenge {
  readonly miner: Hex;
  /** Zero if there was no worker to draw. */
  readonly verifier: Hex;
  readonly seed: Hex;
  readonly purpose: number;
  readonly state: number;
  readonly openedBlock: number;
  /** The last blocks in which a proof, and a verdict, are taken. */
  readonly proofDeadline: number;
  readonly verdictDeadline: number;
  /** Given, and to be checked by the chain. */
  readonly verdict: number;
  /** Of a restoral. */
  readonly place: Place | undefined;
  /** Workers that tagged samples, each once: one proof is due for each. */
  readonly tees: readonly Hex[];
}

export interface TEEProof {
  readonly tee: Hex;
  readonly proof: Hex;
}

export const challenges: Table<number, Challenge> = defineTable(
  { module: "audit", name: "challenges" },
  safe64,
  struct<Challenge>({
    miner: address,
    verifier: address,
    seed: hash32,
    purpose: u8,
    state: u8,
    openedBlock: safe64,
    proofDeadline: safe64,
    verdictDeadline: safe64,
    verdict: u8,
    place: optional(placeCodec),
    tees: list(address, CHALLENGE_SAMPLES),
  }),
);
export const samples: Table<number, readonly Sample[]> = defineTable(
  { module: "audit", name: "samples" },
  safe64,
  list(
    struct<Sample>({ fid: hash32, segment: u16, column: u8, blockIndex: u32, tee: address }),
    CHALLENGE_SAMPLES,
  ),
);
export const proofs: Table<number, readonly TEEProof[]> = defineTable(
  { module: "audit", name: "proofs" },
  safe64,
  list(struct<TEEProof>({ tee: address, proof: hex(PROOF_BYTES) }), CHALLENGE_SAMPLES),
);
/** Ids in state: from the oldest that is kept to the next that is given. The first is 1. */
export const oldestId: Cell<number> = defineCell({ module: "audit", name: "oldest" }, safe64, 1);
export const nextId: Cell<number> = defineCell({ module: "audit", name: "next" }, safe64, 1);
/** Challenges whose proof or verdict is due. */
export const deadlines: Schedule<number> = defineSchedule(
  { module: "audit", name: "deadlines" },
  safe64,
);
export const emitAudit: Emit<typeof auditAbi> = createEmit("audit", auditAbi);

export async function requireChallenge(host: ModuleHost, id: bigint): Promise<Challenge> {
  const challenge = await challenges.get(host, idToKey(id));
  if (challenge === undefined) throw new ModuleError("NOT_FOUND", `no challenge ${id}`);
  return challenge;
}

/** Ids beyond what is counted exactly name nothing. */
export function idToKey(id: bigint): number {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : 0;
}

/** Asks a miner for samples of all that it has tagged. */
export async function openPeriodic(host: ModuleHost, miner: Hex): Promise<void> {
  const { id, seed } = await nextSeed(host, miner);
  const drawn = await drawFromMiner(host, miner, seed);
  await periodicChallenges.set(host, miner, id);
  await open(host, id, { miner, seed, drawn, place: undefined });
}

/** Asks the claimant of a restoral order for samples of what it restored. */
export async function openRestoral(
  host: ModuleHost,
  restored: { readonly miner: Hex; readonly tee: Hex; readonly place: Place },
): Promise<number> {
  const { miner, tee, place } = restored;
  const { id, seed } = await nextSeed(host, miner);
  const drawn = await drawFromPlace(host, place, { tee, seed });
  await open(host, id, { miner, seed, drawn, place });
  return id;
}

/** The first 48 bits of SHA-256(domain ‖ parts). */
export function drawNumber(domain: string, ...parts: readonly Uint8Array[]): number {
  return asBuffer(digest(domain, ...parts)).readUIntBE(0, 6);
}

interface Opening {
  readonly miner: Hex;
  readonly seed: Uint8Array;
  readonly drawn: readonly Sample[];
  readonly place: Place | undefined;
}

async function open(host: ModuleHost, id: number, opening: Opening): Promise<void> {
  const { miner, drawn, place } = opening;
  const seed = bytesToHex(opening.seed);
  const purpose = place === undefined ? CHALLENGE_PURPOSE.periodic : CHALLENGE_PURPOSE.restoral;
  const verifier = await drawVerifier(host, opening.seed);
  const openedBlock = Number(host.height);
  const proofDeadline = openedBlock + host.spec.proofBlocks;
  const verdictDeadline = proofDeadline + host.spec.verdictBlocks;
  const state = CHALLENGE_STATE.open;
  const times = { openedBlock, proofDeadline, verdictDeadline };
  const tees = [...new Set(drawn.map((sample) => sample.tee))];
  const verdict = VERDICT.none;
  const fresh = { miner, verifier, seed, purpose, state, verdict, place, tees, ...times };
  await challenges.set(host, id, fresh);
  await samples.set(host, id, drawn);
  await openChallenges.add(host, { miner }, id);
  await deadlines.add(host, BigInt(proofDeadline + 1), id);
  await deadlines.add(host, BigInt(verdictDeadline + 1), id);
  emitAudit(host, "ChallengeOpened", {
    id: BigInt(id),
    miner,
    verifier,
    seed,
    purpose,
    proofDeadline: BigInt(proofDeadline),
    verdictDeadline: BigInt(verdictDeadline),
  });
}

async function nextSeed(
  host: ModuleHost,
  miner: Hex,
): Promise<{ readonly id: number; readonly seed: Uint8Array }> {
  const id = await nextId.get(host);
  await nextId.set(host, id + 1);
  const idBytes = bigintToBytes(BigInt(id), 32);
  return { id, seed: digest("cess/audit/seed/v1", host.beacon, hexToBytes(miner, 20), idBytes) };
}

async function drawVerifier(host: ModuleHost, seed: Uint8Array): Promise<Hex> {
  const count = await verifiers.count(host, NO_GROUP);
  if (count === 0) return ZERO_ADDRESS;
  const index = drawNumber("cess/audit/verifier/v1", seed) % count;
  return (await verifiers.at(host, NO_GROUP, index)) ?? ZERO_ADDRESS;
}

function digest(domain: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256").update(domain);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
