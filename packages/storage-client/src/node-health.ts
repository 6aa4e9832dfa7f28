import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";

interface Health {
  latencyMs: number;
  failuresInRow: number;
  avoidUntilMs: number;
}

const NODES_MAX = 10_000;
/** Weight of the newest observation in the running mean. */
const LATENCY_WEIGHT = 0.2;
const LATENCY_START_MS = 20;
const AVOID_BASE_MS = 1_000;
const AVOID_MAX_MS = 60_000;

/** What this client has seen of each node: how fast it answers, and whether to leave it alone. */
export class NodeHealth {
  readonly #clock: Clock;
  readonly #nodes = new BoundedMap<Hex, Health>(NODES_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  succeeded(account: Hex, latencyMs: number): void {
    const health = this.#of(account);
    health.latencyMs += LATENCY_WEIGHT * (latencyMs - health.latencyMs);
    health.failuresInRow = 0;
    health.avoidUntilMs = 0;
  }

  /** Each further failure in a row doubles the time in which the node is left alone. */
  failed(account: Hex): void {
    const health = this.#of(account);
    const avoidMs = Math.min(AVOID_MAX_MS, AVOID_BASE_MS * 2 ** health.failuresInRow);
    health.failuresInRow += 1;
    health.avoidUntilMs = this.#clock.nowMs() + avoidMs;
  }

  isAvoided(account: Hex): boolean {
    return (this.#nodes.get(account)?.avoidUntilMs ?? 0) > this.#clock.nowMs();
  }

  latencyMs(account: Hex): number {
    return this.#nodes.get(account)?.latencyMs ?? LATENCY_START_MS;
  }

  #of(account: Hex): Health {
    let health = this.#nodes.get(account);
    if (health === undefined) {
      health = { latencyMs: LATENCY_START_MS, failuresInRow: 0, avoidUntilMs: 0 };
      this.#nodes.set(account, health);
    }
    return health;
  }
}
