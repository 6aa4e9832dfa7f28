import assert from "node:assert/strict";
import { CESS } from "@cess/std/units";

/** Every protocol constant that may differ between two networks. Blocks are the unit of time. */
export interface ChainSpec {
  readonly name: "mainnet" | "dev";
  readonly chainId: number;
  /** Target time between two blocks, in milliseconds. */
  readonly blockMs: number;
  readonly blockGasMax: number;
  /** Blocks of an era: one committee, one payout. */
  readonly eraBlocks: number;
  /** Seats of the committee once elections run. */
  readonly committeeSeats: number;
  /** Least own bond of a validator, in wei. */
  readonly validatorBondWei: bigint;
  /** Blocks from an unbond to its payout. */
  readonly unbondingBlocks: number;
  /** Stake a miner locks for each TiB it declares, in wei. */
  readonly minerStakePerTiBWei: bigint;
  /** Share of a miner's stake taken for one failed audit, in parts per million. */
  readonly auditPenaltyPpm: number;
  /** Failed audits in a row after which a miner is frozen and all it holds is restored elsewhere. */
  readonly auditFailuresMax: number;
  /** Mean blocks between two challenges of one miner. */
  readonly challengePeriodBlocks: number;
  /** Blocks a miner has to prove. */
  readonly proofBlocks: number;
  /** Blocks the drawn TEE worker then has for its verdict. */
  readonly verdictBlocks: number;
  /** One of this many verdicts, chosen by the beacon, is checked by the chain itself. */
  readonly verdictRecheckOneIn: number;
  /** Blocks in which a miner that holds no other column of the file has the first claim. */
  readonly restoralGraceBlocks: number;
  /** Blocks a claimed restoral order may take, tag and proof included. */
  readonly restoralBlocks: number;
  /** Price of one GiB for one block, in wei. */
  readonly territoryPriceWei: bigint;
  /** Blocks a territory stays readable after its end before its files are released. */
  readonly territoryGraceBlocks: number;
  /** Blocks after which a TEE worker that did nothing is retired. */
  readonly teeIdleBlocks: number;
  /** True where attestations signed by the test root of this repository are accepted. */
  readonly acceptsTestAttestation: boolean;
  /** Blocks a miner keeps fragments that no declaration has claimed. */
  readonly unclaimedBlocks: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export const MAINNET: ChainSpec = asserted({
  name: "mainnet",
  chainId: 11331,
  blockMs: 2000,
  blockGasMax: 30_000_000,
  eraBlocks: 10_800,
  committeeSeats: 11,
  validatorBondWei: 300_000n * CESS,
  unbondingBlocks: (28 * DAY_MS) / 2000,
  minerStakePerTiBWei: 4_000n * CESS,
  auditPenaltyPpm: 10_000,
  auditFailuresMax: 3,
  challengePeriodBlocks: DAY_MS / 2000,
  proofBlocks: 300,
  verdictBlocks: 150,
  verdictRecheckOneIn: 64,
  restoralGraceBlocks: 300,
  restoralBlocks: 1800,
  territoryPriceWei: CESS / 100_000n,
  territoryGraceBlocks: (7 * DAY_MS) / 2000,
  teeIdleBlocks: 21_600,
  acceptsTestAttestation: false,
  unclaimedBlocks: 43_200,
});

/** Short eras, a challenge a minute, and attestations from the test root: for one's own machine. */
export const DEV: ChainSpec = asserted({
  ...MAINNET,
  name: "dev",
  chainId: 11330,
  blockMs: 1000,
  eraBlocks: 120,
  committeeSeats: 4,
  unbondingBlocks: 240,
  challengePeriodBlocks: 60,
  proofBlocks: 30,
  verdictBlocks: 20,
  verdictRecheckOneIn: 8,
  restoralGraceBlocks: 10,
  restoralBlocks: 90,
  territoryGraceBlocks: 120,
  teeIdleBlocks: 43_200,
  acceptsTestAttestation: true,
  unclaimedBlocks: 600,
});

/** Relations that the protocol relies on. */
function asserted(spec: ChainSpec): ChainSpec {
  assert(spec.committeeSeats >= 4, "three honest seats must outvote one");
  assert(spec.proofBlocks + spec.verdictBlocks < spec.challengePeriodBlocks, "audits overlap");
  assert(spec.restoralGraceBlocks < spec.restoralBlocks);
  assert(spec.auditPenaltyPpm > 0 && spec.auditPenaltyPpm <= 1_000_000);
  assert(spec.unclaimedBlocks > spec.restoralBlocks, "a rebuilt fragment must outlive its order");
  assert(spec.unbondingBlocks > spec.eraBlocks, "an offender must still be bonded when found out");
  return spec;
}

export function chainSpecByName(name: string): ChainSpec | undefined {
  return [MAINNET, DEV].find((spec) => spec.name === name);
}
