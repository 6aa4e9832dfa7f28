import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { PeerId } from "../network.ts";
import { RateLimiter } from "../rate-limiter.ts";

const PEERS_MAX = 4096;
const REJECTS_PER_MINUTE_MAX = 20;
const BAN_MS = 10 * 60_000;

/** Peers that passed on too many messages that no correct node passes on. */
export class BanList {
  readonly #untilMs = new BoundedMap<PeerId, number>(PEERS_MAX);
  readonly #rejects: RateLimiter;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rejects = new RateLimiter(clock, REJECTS_PER_MINUTE_MAX);
  }

  /** Counts one rejected message; true if the peer is banned from now on. */
  onReject(peerId: PeerId): boolean {
    if (this.#rejects.take(peerId)) return false;
    this.#untilMs.set(peerId, this.#clock.nowMs() + BAN_MS);
    return true;
  }

  isBanned(peerId: PeerId): boolean {
    return (this.#untilMs.get(peerId) ?? 0) > this.#clock.nowMs();
  }
}
