import type { ChainSender } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import { sealedSizeBytes } from "@cess/crypto/aead";
import { fragmentSizeBytes, segmentCount, segmentSizeBytes } from "@cess/erasure/layout";
import { columnCount, type Profile } from "@cess/params/profile";
import { RIGHTS, TERRITORY_STATE } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { StorageClientError } from "./error.ts";
import type { FileStore } from "./file-store.ts";

export interface TerritoryGuardDeps {
  readonly chain: Pick<ChainSender, "read" | "account">;
  readonly clock: Clock;
}

/** What a territory has room for; why nothing, if it takes nothing. */
interface Standing {
  readonly freeBytes: number;
  readonly refusal?: string;
}

/** What was accepted in this span of time and in the one before. */
interface Accepted {
  readonly bytes: number;
  readonly bytesBefore: number;
  readonly sinceMs: number;
}

const TERRITORIES_MAX = 1024;
/** How long the chain's word on a territory is believed. */
const FRESH_MS = 5_000;
/** By the end of the next span, what was accepted is declared: the chain counts it itself. */
const SPAN_MS = 15_000;

/**
 * Refuses to write what the chain would refuse to declare: by then it would be acknowledged.
 *
 * @throws {@link StorageClientError} `TERRITORY_REFUSED`, from both kinds of writing.
 */
export function guardTerritories(deps: TerritoryGuardDeps, store: FileStore): FileStore {
  const guard = new TerritoryGuard(deps);
  return {
    ...store,
    async write(body, options) {
      await guard.admit(options.territory, 1);
      const stored = await store.write(body, options);
      // The size of a stream is known only now, still before anything is acknowledged.
      await guard.accept(options.territory, codedBytes(options, stored.declaration.sizeBytes));
      return stored;
    },
    async writeSmall(body, options) {
      const sizeBytes = sealedSizeBytes(body.length);
      await guard.accept(options.territory, codedBytes(options, sizeBytes));
      return store.writeSmall(body, options);
    },
  };
}

class TerritoryGuard {
  readonly #deps: TerritoryGuardDeps;
  readonly #known = new BoundedMap<Hex, { standing: Promise<Standing>; readMs: number }>(
    TERRITORIES_MAX,
  );
  readonly #accepted = new BoundedMap<Hex, Accepted>(TERRITORIES_MAX);

  constructor(deps: TerritoryGuardDeps) {
    this.#deps = deps;
  }

  async accept(territory: Hex, sizeBytes: number): Promise<void> {
    await this.admit(territory, sizeBytes);
    const accepted = this.#acceptedIn(territory);
    this.#accepted.set(territory, { ...accepted, bytes: accepted.bytes + sizeBytes });
  }

  async admit(territory: Hex, sizeBytes: number): Promise<void> {
    const { freeBytes, refusal } = await this.#standingOf(territory);
    if (refusal !== undefined) throw refused(territory, refusal);
    const { bytes, bytesBefore } = this.#acceptedIn(territory);
    const leftBytes = freeBytes - bytes - bytesBefore;
    if (sizeBytes > leftBytes) throw refused(territory, "it has no space left");
  }

  #acceptedIn(territory: Hex): Accepted {
    const nowMs = this.#deps.clock.nowMs();
    const accepted = this.#accepted.get(territory);
    const ageMs = nowMs - (accepted?.sinceMs ?? Number.NEGATIVE_INFINITY);
    if (accepted === undefined || ageMs >= 2 * SPAN_MS) {
      return { bytes: 0, bytesBefore: 0, sinceMs: nowMs };
    }
    if (ageMs < SPAN_MS) return accepted;
    return { bytes: 0, bytesBefore: accepted.bytes, sinceMs: nowMs };
  }

  async #standingOf(territory: Hex): Promise<Standing> {
    const nowMs = this.#deps.clock.nowMs();
    const known = this.#known.get(territory);
    if (known !== undefined && nowMs - known.readMs < FRESH_MS) return known.standing;
    const standing = this.#read(territory);
    this.#known.set(territory, { standing, readMs: nowMs });
    const { refusal, freeBytes } = await standing;
    // What stands in the way may be out of it in the next block.
    if (refusal !== undefined || freeBytes === Number.POSITIVE_INFINITY) {
      this.#known.delete(territory);
    }
    return standing;
  }

  async #read(territory: Hex): Promise<Standing> {
    const { chain } = this.#deps;
    try {
      const found = await chain.read("territory", "territoryOf", [territory]);
      const { owner, totalBytes, usedBytes, state } = found;
      const freeBytes = Number(totalBytes - usedBytes);
      if (state !== TERRITORY_STATE.active) return { freeBytes, refusal: "it is not active" };
      if (owner === chain.account) return { freeBytes };
      const asked = [owner, chain.account, territory, RIGHTS.declare] as const;
      const isAllowed = await chain.read("gateways", "isAuthorised", asked);
      return isAllowed ? { freeBytes } : { freeBytes, refusal: "this gateway is not authorised" };
    } catch (cause) {
      if (isRefusal(cause)) return { freeBytes: 0, refusal: "there is no such territory" };
      // While the chain is away, what is written waits for it.
      return { freeBytes: Number.POSITIVE_INFINITY };
    }
  }
}

/** What a file of `sizeBytes` is charged with. */
function codedBytes({ profile }: { readonly profile: Profile }, sizeBytes: number): number {
  const last = segmentCount(sizeBytes) - 1;
  const full = last === 0 ? 0 : last * fragmentSizeBytes(profile, segmentSizeBytes(sizeBytes, 0));
  const rest = fragmentSizeBytes(profile, segmentSizeBytes(sizeBytes, last));
  return columnCount(profile) * (full + rest);
}

function refused(territory: Hex, reason: string): StorageClientError {
  return new StorageClientError({ code: "TERRITORY_REFUSED", territory, reason });
}
