import type { Random } from "@cess/runtime/random";
import type { Hex } from "@cess/std/bytes";
import type { NodeHealth } from "./node-health.ts";

/** A storage node as the chain's directory shows it. */
export interface StorageMiner {
  readonly account: Hex;
  /** Base URL without a trailing slash. */
  readonly endpoint: string;
  /** Key that its receipts verify by, 48 bytes. */
  readonly blsPublicKey: Uint8Array;
  /** Free text that the operator chose, from general to special: `eu/de/fra`. */
  readonly region: string;
  readonly declaredBytes: number;
  /** Declared space that no file claims yet. */
  readonly freeBytes: number;
}

export interface MinerDirectory {
  /** Miners that new fragments may be sent to. */
  activeMiners(): readonly StorageMiner[];
  /** Any miner on chain, whatever its state. */
  minerOf(account: Hex): StorageMiner | undefined;
}

/** Location-based storage selection: where data may lie. An empty list allows everything. */
export interface PlacementPolicy {
  /** Prefixes of regions of which one must match. */
  readonly regions: readonly string[];
  /** Prefixes of regions that are ruled out. */
  readonly forbiddenRegions: readonly string[];
  /** Only these miners, if any are named. */
  readonly miners: readonly Hex[];
}

export const ANYWHERE: PlacementPolicy = { regions: [], forbiddenRegions: [], miners: [] };

export interface PlacementDeps {
  readonly directory: MinerDirectory;
  readonly health: NodeHealth;
  readonly random: Random;
}

export interface PlacementRequest {
  readonly count: number;
  /** Space each chosen miner must have free. */
  readonly freeBytesMin: number;
  readonly exclude: ReadonlySet<Hex>;
  readonly policy: PlacementPolicy;
}

/**
 * Chooses up to `count` distinct miners, best-spread first.
 *
 * Each pick draws two candidates and takes the better (power of two choices): one whose region is
 * not used yet, then the one with more free space for its latency. Miners that failed a moment ago
 * are taken only when the others do not suffice.
 */
export function chooseMiners(deps: PlacementDeps, request: PlacementRequest): StorageMiner[] {
  const eligible = deps.directory
    .activeMiners()
    .filter((miner) => isEligible(miner, request) && miner.freeBytes >= request.freeBytesMin);
  const healthy = eligible.filter((miner) => !deps.health.isAvoided(miner.account));
  const avoided = eligible.filter((miner) => deps.health.isAvoided(miner.account));
  const chosen: StorageMiner[] = [];
  for (const pool of [healthy, avoided]) {
    while (chosen.length < request.count && pool.length > 0) {
      const best = pickBetter(deps, pool, chosen);
      pool.splice(pool.indexOf(best), 1);
      chosen.push(best);
    }
  }
  return chosen;
}

function isEligible(miner: StorageMiner, { exclude, policy }: PlacementRequest): boolean {
  const inRegion = (prefix: string) =>
    miner.region === prefix || miner.region.startsWith(`${prefix}/`);
  if (exclude.has(miner.account)) return false;
  if (policy.miners.length > 0 && !policy.miners.includes(miner.account)) return false;
  if (policy.forbiddenRegions.some(inRegion)) return false;
  return policy.regions.length === 0 || policy.regions.some(inRegion);
}

function pickBetter(
  { random, health }: PlacementDeps,
  pool: readonly StorageMiner[],
  chosen: readonly StorageMiner[],
): StorageMiner {
  const draw = () => pool[random.below(pool.length)] as StorageMiner;
  const [first, second] = [draw(), draw()];
  const isNewRegion = (miner: StorageMiner) => !chosen.some((one) => one.region === miner.region);
  if (isNewRegion(first) !== isNewRegion(second)) return isNewRegion(first) ? first : second;
  const worth = (miner: StorageMiner) =>
    miner.freeBytes / Math.max(1, miner.declaredBytes) / (1 + health.latencyMs(miner.account));
  return worth(first) >= worth(second) ? first : second;
}
