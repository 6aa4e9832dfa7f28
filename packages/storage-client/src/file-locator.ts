import type { ChainReader } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { SEGMENT_ALL } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { StorageClientError } from "./error.ts";
import type { Declaration } from "./file-store.ts";
import type { FragmentPlace } from "./node-client.ts";

/** Who holds what of one file. */
export interface FileLocation {
  /** Miner of a fragment, or undefined while it is lost or was never placed. */
  holderOf(place: FragmentPlace): Hex | undefined;
}

export interface FileLocatorDeps {
  readonly chain: Pick<ChainReader, "read">;
  readonly clock: Clock;
}

interface KnownLocation {
  readonly location: FileLocation;
  readonly foundMs: number;
}

const LOCATIONS_MAX = 20_000;
/** Repairs move fragments, rarely: a reader that meets a wrong holder asks again at once. */
const FRESH_MS = 60_000;

/** Finds the holders of files: on chain, or from a declaration that is on its way there. */
export class FileLocator {
  readonly #deps: FileLocatorDeps;
  readonly #known = new BoundedMap<Hex, KnownLocation>(LOCATIONS_MAX);

  constructor(deps: FileLocatorDeps) {
    this.#deps = deps;
  }

  /** What a file's own writer knows before the chain does. */
  remember({ fid, placement }: Declaration): void {
    const holderOf = ({ column }: FragmentPlace) => holder(placement[column]);
    this.#known.set(fid, { location: { holderOf }, foundMs: this.#deps.clock.nowMs() });
  }

  /**
   * @param isStale - True to ask the chain although an answer is known.
   * @throws {@link StorageClientError} `FILE_UNKNOWN` if neither we nor the chain know the file.
   */
  async locate(fid: Hex, isStale = false): Promise<FileLocation> {
    const known = this.#known.get(fid);
    const isFresh = known !== undefined && this.#deps.clock.nowMs() - known.foundMs < FRESH_MS;
    if (known !== undefined && isFresh && !isStale) return known.location;
    const location = await this.#ask(fid);
    if (location === undefined) {
      if (known !== undefined) return known.location;
      throw new StorageClientError({ code: "FILE_UNKNOWN", fid });
    }
    this.#known.set(fid, { location, foundMs: this.#deps.clock.nowMs() });
    return location;
  }

  /** Who had a place until a failed audit took it, and may have its bytes still. */
  async originOf(fid: Hex, { segment, column }: FragmentPlace): Promise<Hex | undefined> {
    for (const orderedSegment of [segment, SEGMENT_ALL]) {
      try {
        const order = await this.#deps.chain.read("files", "orderOf", [
          fid,
          orderedSegment,
          column,
        ]);
        return holder(order.origin);
      } catch (cause) {
        if (!isRefusal(cause)) throw cause;
      }
    }
    return undefined;
  }

  async #ask(fid: Hex): Promise<FileLocation | undefined> {
    try {
      const { holdings, overrides } = await this.#deps.chain.read("files", "fileOf", [fid]);
      const byPlace = new Map(
        overrides.map(({ segment, column, miner }) => [`${segment}/${column}`, miner] as const),
      );
      return {
        holderOf: ({ segment, column }) =>
          holder(
            byPlace.get(`${segment}/${column}`) ??
              byPlace.get(`${SEGMENT_ALL}/${column}`) ??
              holdings[column]?.miner,
          ),
      };
    } catch (cause) {
      if (isRefusal(cause)) return undefined;
      throw cause;
    }
  }
}

function holder(miner: Hex | undefined): Hex | undefined {
  return miner === undefined || miner === ZERO_ADDRESS ? undefined : miner;
}
