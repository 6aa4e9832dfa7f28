import type { ChainSender } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { describeCause } from "@cess/std/error";
import { StorageClientError } from "./error.ts";
import type { Declaration, Declarer } from "./file-store.ts";

/** Puts declarations on chain in transactions of the gateway's account. */
export function createChainDeclarer(chain: Pick<ChainSender, "send">): Declarer {
  async function declare(batch: readonly Declaration[], signal: AbortSignal): Promise<void> {
    try {
      await chain.send("files", "declare", [batch.map(toCall)], { signal });
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      if (batch.length > 1) return declareHalves(batch, signal);
      const fids = batch.map(({ fid }) => fid);
      const reason = describeCause(cause);
      throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason }, { cause });
    }
  }

  /** One bad declaration reverts all of its transaction: the others go on without it. */
  async function declareHalves(batch: readonly Declaration[], signal: AbortSignal): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    const fids: Hex[] = [];
    let last: StorageClientError | undefined;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      try {
        await declare(half, signal);
      } catch (cause) {
        if (!(cause instanceof StorageClientError)) throw cause;
        if (cause.detail.code === "DECLARATION_REFUSED") fids.push(...cause.detail.fids);
        last = cause;
      }
    }
    if (last === undefined) return;
    const reason = last.message;
    throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason }, { cause: last });
  }

  return {
    declare,
    async remove(territory, fids, signal) {
      await chain.send("files", "remove", [territory, fids], { signal });
    },
  };
}

function toCall({ fid, sizeBytes, profileId, territory, placement, signature }: Declaration): {
  fid: Hex;
  sizeBytes: bigint;
  profile: number;
  territory: Hex;
  placement: readonly Hex[];
  signature: Hex;
} {
  return {
    fid,
    sizeBytes: BigInt(sizeBytes),
    profile: profileId,
    territory,
    placement,
    signature: bytesToHex(signature),
  };
}
