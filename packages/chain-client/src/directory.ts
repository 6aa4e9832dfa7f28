import { ATTESTATION_KIND, MINER_STATE } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Service } from "@cess/runtime/service";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import type { ChainReader } from "./chain.ts";
import type { ViewResult } from "./modules.ts";

export type Miner = ViewResult<"miners", "minerOf">;
export type Worker = ViewResult<"tee", "workerOf">;
export type Gateway = ViewResult<"gateways", "gatewayOf">[0];
export type AccountRole = "miner" | "worker" | "gateway";

/** Who takes part in the network, as of a few blocks ago. */
export interface Directory extends Service {
  /** Reads everything afresh. */
  refresh(): Promise<void>;
  miners(): readonly Miner[];
  /** Miners in state active. */
  activeMiners(): readonly Miner[];
  minerOf(account: Hex): Miner | undefined;
  /** Workers that are not retired. */
  activeWorkers(): readonly Worker[];
  workerOf(account: Hex): Worker | undefined;
  gateways(): readonly Gateway[];
  gatewayOf(account: Hex): Gateway | undefined;
  /** What an account is; asks the chain about ones that it does not know, each at most every few seconds. */
  rolesOf(account: Hex): Promise<readonly AccountRole[]>;
}

export interface DirectoryDeps {
  readonly chain: ChainReader;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The last time that the chain was asked about an account. */
interface Inquiry {
  readonly askedMs: number;
  readonly answered: Promise<void>;
}

interface Snapshot {
  readonly miners: ReadonlyMap<Hex, Miner>;
  readonly workers: ReadonlyMap<Hex, Worker>;
  readonly gateways: ReadonlyMap<Hex, Gateway>;
}

const PAGE_ENTRIES = 100n;
const REFRESH_MS = 3000;
const UNKNOWN_MAX = 4096;
const UNKNOWN_MS = 2000;

/** Space that a miner may still be given. */
export function freeBytesOf(miner: Miner): number {
  return Math.max(0, Number(miner.declaredBytes - miner.usedBytes));
}

/** True if its enclave is attested by a vendor, not by a test root. */
export function isAttested(worker: Worker): boolean {
  return worker.attestationKind === ATTESTATION_KIND.dcap;
}

export function createDirectory(
  deps: DirectoryDeps,
  { refreshMs = REFRESH_MS }: { readonly refreshMs?: number } = {},
): Directory {
  let known: Snapshot = { miners: new Map(), workers: new Map(), gateways: new Map() };
  const strangers = new BoundedMap<Hex, Inquiry>(UNKNOWN_MAX);
  let refreshing: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    known = await readSnapshot(deps.chain);
  }

  function refreshOnce(): Promise<void> {
    refreshing ??= refresh().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  function knownRolesOf(account: Hex): readonly AccountRole[] {
    const roles: AccountRole[] = [];
    const miner = known.miners.get(account);
    if (miner !== undefined && miner.state !== MINER_STATE.exited) roles.push("miner");
    if (known.workers.get(account)?.isActive) roles.push("worker");
    if (known.gateways.has(account)) roles.push("gateway");
    return roles;
  }

  const loop = createLoop(deps, { name: "directory", intervalMs: refreshMs, work: refreshOnce });
  return {
    refresh: refreshOnce,
    async start() {
      await refreshOnce();
      await loop.start();
    },
    stop: loop.stop,
    miners: () => [...known.miners.values()],
    activeMiners: () => {
      return [...known.miners.values()].filter((miner) => miner.state === MINER_STATE.active);
    },
    minerOf: (account) => known.miners.get(account),
    activeWorkers: () => [...known.workers.values()].filter((worker) => worker.isActive),
    workerOf: (account) => known.workers.get(account),
    gateways: () => [...known.gateways.values()],
    gatewayOf: (account) => known.gateways.get(account),
    async rolesOf(account) {
      const roles = knownRolesOf(account);
      if (roles.length > 0) return roles;
      const nowMs = deps.clock.nowMs();
      let inquiry = strangers.get(account);
      if (inquiry === undefined || nowMs - inquiry.askedMs >= UNKNOWN_MS) {
        // What is being read now may have been read before the account came to be.
        const answered = Promise.resolve(refreshing)
          .catch(() => undefined)
          .then(refreshOnce);
        inquiry = { askedMs: nowMs, answered };
        strangers.set(account, inquiry);
      }
      // Whoever asks at the same time gets the same answer, not a refusal.
      await inquiry.answered;
      return knownRolesOf(account);
    },
  };
}

async function readSnapshot(chain: ChainReader): Promise<Snapshot> {
  const [miners, workers, gateways] = await Promise.all([
    readAll((offset) => chain.read("miners", "listMiners", [offset, PAGE_ENTRIES])),
    readAll((offset) => chain.read("tee", "listWorkers", [offset, PAGE_ENTRIES])),
    readAll((offset) => chain.read("gateways", "listGateways", [offset, PAGE_ENTRIES])),
  ]);
  return { miners: byAccount(miners), workers: byAccount(workers), gateways: byAccount(gateways) };
}

/** All entries of a list view, page by page. */
export async function readAll<T>(
  page: (offset: bigint) => Promise<readonly [entries: readonly T[], total: bigint]>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (;;) {
    const [entries, total] = await page(BigInt(all.length));
    all.push(...entries);
    if (entries.length === 0 || BigInt(all.length) >= total) return all;
  }
}

function byAccount<T extends { readonly account: Hex }>(entries: readonly T[]): Map<Hex, T> {
  return new Map(entries.map((entry) => [entry.account, entry]));
}
