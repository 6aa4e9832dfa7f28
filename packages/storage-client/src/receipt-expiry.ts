import type { Clock } from "@cess/runtime/clock";
import { StorageClientError } from "./error.ts";
import type { ReceiptState } from "./file-store.ts";

export interface ReceiptExpiryDeps {
  /** Height of the chain's last block. */
  readonly height: () => Promise<number>;
  /** How far ahead of it miners sign, at most. */
  readonly unclaimedBlocks: number;
  readonly clock: Clock;
}

/** How long a height is good enough, and how long while a newer one is asked for. */
const FRESH_MS = 2_000;
const STALE_MS = 30_000;
/** The part of the time that is left to miners which are behind in following the chain. */
const MARGIN_PART = 20;
/** The part of the time at whose begin receipts are renewed. */
const EXPIRING_PART = 4;
/** A declaration that is sent now is in a block a little later. */
const SENDING_BLOCKS = 4;

/** Says until when receipts that are taken now shall be good. PERF: costs no request each. */
export class ReceiptExpiry {
  readonly #deps: ReceiptExpiryDeps;
  #known: { readonly height: number; readonly ms: number } | undefined;
  #asking: Promise<void> | undefined;

  constructor(deps: ReceiptExpiryDeps) {
    this.#deps = deps;
  }

  /** @throws {@link StorageClientError} `HEIGHT_UNKNOWN` if the chain has never answered. */
  async next(): Promise<bigint> {
    const { unclaimedBlocks } = this.#deps;
    const marginBlocks = Math.ceil(unclaimedBlocks / MARGIN_PART);
    return BigInt((await this.#height()) + unclaimedBlocks - marginBlocks);
  }

  /** @throws {@link StorageClientError} `HEIGHT_UNKNOWN` */
  async stateOf(expiryBlock: bigint): Promise<ReceiptState> {
    const leftBlocks = Number(expiryBlock) - (await this.#height());
    if (leftBlocks < SENDING_BLOCKS) return "expired";
    return leftBlocks < this.#deps.unclaimedBlocks / EXPIRING_PART ? "expiring" : "good";
  }

  async #height(): Promise<number> {
    const ageMs = this.#deps.clock.nowMs() - (this.#known?.ms ?? Number.NEGATIVE_INFINITY);
    if (ageMs >= FRESH_MS) this.#asking ??= this.#ask();
    if (ageMs >= STALE_MS) await this.#asking;
    if (this.#known === undefined) throw new StorageClientError({ code: "HEIGHT_UNKNOWN" });
    return this.#known.height;
  }

  /** While the chain is away, what it said last stands: receipts only end a little earlier. */
  async #ask(): Promise<void> {
    const ms = this.#deps.clock.nowMs();
    try {
      this.#known = { height: await this.#deps.height(), ms };
    } catch {
      // The next upload asks again; it fails only if there has never been an answer.
    } finally {
      this.#asking = undefined;
    }
  }
}
