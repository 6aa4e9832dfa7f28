import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Random } from "@cess/runtime/random";
import type { Service } from "@cess/runtime/service";
import type { PeerId } from "../network.ts";

export interface DialerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly isConnected: (peerId: PeerId) => boolean;
  readonly dial: (address: string, signal: AbortSignal) => Promise<void>;
}

export interface BootstrapPeer {
  readonly peerId: PeerId;
  readonly address: string;
}

const INTERVAL_MS = 250;
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 30_000;

interface Attempt {
  readonly peer: BootstrapPeer;
  backoffMs: number;
  nextMs: number;
}

/** Keeps the connections to `peers` up; waits longer after each failure, up to half a minute. */
export function createDialer(deps: DialerDeps, peers: readonly BootstrapPeer[]): Service {
  const attempts: Attempt[] = peers.map((peer) => {
    return { peer, backoffMs: BACKOFF_MIN_MS, nextMs: 0 };
  });

  async function attempt(each: Attempt, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = deps;
    if (deps.isConnected(each.peer.peerId)) {
      each.backoffMs = BACKOFF_MIN_MS;
      return;
    }
    if (clock.nowMs() < each.nextMs) return;
    try {
      await deps.dial(each.peer.address, signal);
      log.debug("dialled", { peerId: each.peer.peerId });
    } catch (cause) {
      log.debug("dial failed", { address: each.peer.address, cause });
      each.nextMs = clock.nowMs() + each.backoffMs + random.below(each.backoffMs);
      each.backoffMs = Math.min(2 * each.backoffMs, BACKOFF_MAX_MS);
    }
  }

  return createLoop(deps, {
    name: "dialer",
    intervalMs: INTERVAL_MS,
    work: async (signal) => {
      await Promise.all(attempts.map((each) => attempt(each, signal)));
    },
  });
}
