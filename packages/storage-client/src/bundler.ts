import type { Clock } from "@cess/runtime/clock";
import { MIB } from "@cess/std/units";
import { StorageClientError } from "./error.ts";
import type { WriteOptions } from "./file-store.ts";
import type { UploadedFile } from "./file-upload.ts";

export interface BundlerDeps {
  readonly clock: Clock;
  /** Stores one bundle. All items of it share a territory and a profile. */
  readonly store: (bundle: Uint8Array, options: WriteOptions) => Promise<UploadedFile>;
}

export interface BundledItem {
  readonly bundle: UploadedFile;
  /** First byte of the item within the bundle. */
  readonly offset: number;
}

interface WaitingItem {
  readonly bytes: Uint8Array;
  readonly resolve: (item: BundledItem) => void;
  readonly reject: (cause: unknown) => void;
}

interface Lane {
  readonly options: WriteOptions;
  readonly waiting: WaitingItem[];
  /** Bundles on their way, and those of them that are slow. */
  inFlight: number;
  slowInFlight: number;
  isLingering: boolean;
}

/** How long the first item waits for company. */
const LINGER_MS = 2;
const BUNDLE_BYTES_MAX = 4 * MIB;
/** A bundle that takes longer than this no longer holds the next one up. */
const SLOW_MS = 250;
const SLOW_IN_FLIGHT_MAX = 4;
const WAITING_MAX = 4_096;
/** A bundle serves many writers, so none of their signals ends it. */
const NEVER = new AbortController().signal;

/**
 * Group commit: items that arrive within the same moments become one bundle.
 *
 * While a bundle is on its way, what arrives waits for the next one, so that load makes bundles
 * larger instead of more: what a bundle costs hardly depends on how much is in it.
 */
export class Bundler {
  readonly #deps: BundlerDeps;
  readonly #lanes = new Map<string, Lane>();
  #waitingCount = 0;

  constructor(deps: BundlerDeps) {
    this.#deps = deps;
  }

  /** @throws {@link StorageClientError} `QUEUE_FULL`, or what storing the bundle throws. */
  add(bytes: Uint8Array, options: WriteOptions): Promise<BundledItem> {
    if (this.#waitingCount >= WAITING_MAX) {
      throw new StorageClientError({ code: "QUEUE_FULL", countMax: WAITING_MAX });
    }
    const key = `${options.territory}/${options.profile.id}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { options, waiting: [], inFlight: 0, slowInFlight: 0, isLingering: false };
      this.#lanes.set(key, lane);
    }
    const { promise, resolve, reject } = Promise.withResolvers<BundledItem>();
    lane.waiting.push({ bytes, resolve, reject });
    this.#waitingCount += 1;
    this.#schedule(key, lane);
    return promise;
  }

  #schedule(key: string, lane: Lane): void {
    const isBusy = lane.inFlight > lane.slowInFlight || lane.inFlight > SLOW_IN_FLIGHT_MAX;
    if (lane.isLingering || isBusy) return;
    if (lane.waiting.length === 0) {
      if (lane.inFlight === 0) this.#lanes.delete(key);
      return;
    }
    lane.isLingering = true;
    void this.#deps.clock.sleep(LINGER_MS).then(() => {
      lane.isLingering = false;
      void this.#flush(key, lane);
    });
  }

  async #flush(key: string, lane: Lane): Promise<void> {
    const items = takeItems(lane.waiting);
    this.#waitingCount -= items.length;
    lane.inFlight += 1;
    const isStored = new AbortController();
    const slow = this.#countSlow(key, lane, isStored.signal);
    try {
      const bytes = Buffer.concat(items.map((item) => item.bytes));
      const bundle = await this.#deps.store(bytes, { ...lane.options, signal: NEVER });
      let offset = 0;
      for (const item of items) {
        item.resolve({ bundle, offset });
        offset += item.bytes.length;
      }
    } catch (cause) {
      for (const item of items) item.reject(cause);
    }
    isStored.abort();
    if (await slow) lane.slowInFlight -= 1;
    lane.inFlight -= 1;
    this.#schedule(key, lane);
  }

  /** Lets the next bundle go if this one is slow; resolves with whether it was. */
  async #countSlow(key: string, lane: Lane, isStored: AbortSignal): Promise<boolean> {
    await this.#deps.clock.sleep(SLOW_MS, isStored);
    if (isStored.aborted) return false;
    lane.slowInFlight += 1;
    this.#schedule(key, lane);
    return true;
  }
}

/** From the front, as many as fit in a bundle, and at least one. */
function takeItems(waiting: WaitingItem[]): WaitingItem[] {
  let sizeBytes = 0;
  const count = waiting.findIndex((item, index) => {
    sizeBytes += item.bytes.length;
    return index > 0 && sizeBytes > BUNDLE_BYTES_MAX;
  });
  return waiting.splice(0, count === -1 ? waiting.length : count);
}
