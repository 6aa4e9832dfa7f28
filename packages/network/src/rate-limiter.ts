import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { PeerId } from "./network.ts";

interface Bucket {
  tokens: number;
  updatedMs: number;
}

const PEERS_MAX = 4096;
const MINUTE_MS = 60_000;

/** A token bucket for each peer: a minute's worth at once, then a steady flow. */
export class RateLimiter {
  readonly #buckets = new BoundedMap<PeerId, Bucket>(PEERS_MAX);
  readonly #clock: Clock;
  readonly #perMinute: number;

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Takes one token of `peerId`, if it has one left. */
  take(peerId: PeerId): boolean {
    const nowMs = this.#clock.nowMs();
    const bucket = this.#buckets.get(peerId) ?? { tokens: this.#perMinute, updatedMs: nowMs };
    const refill = ((nowMs - bucket.updatedMs) * this.#perMinute) / MINUTE_MS;
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + refill);
    bucket.updatedMs = nowMs;
    this.#buckets.set(peerId, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
