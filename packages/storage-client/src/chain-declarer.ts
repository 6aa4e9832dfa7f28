import type { ChainSender } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { describeCause } from "@cess/std/error";
import { StorageClientError } from "./error.ts";
import type { Declaration, Declarer } from "./file-store.ts";

/** A transaction has at most 2^24 gas (EIP-7825). A file of 16 columns takes up to 0.35 M. */
const DECLARED_MAX = 32;
/** The removal of a file of 16 columns takes up to 0.65 M gas. */
const REMOVED_MAX = 16;

/** Puts declarations on chain in transactions of the gateway's account. */
export function createChainDeclarer(chain: Pick<ChainSender, "send">): Declarer {
  async function declare(batch: readonly Declaration[], signal: AbortSignal): Promise<void> {
    if (batch.length > DECLARED_MAX) return declareParts(cut(batch, DECLARED_MAX), signal);
    try {
      await chain.send("files", "declare", [batch.map(toCall)], { signal });
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      // One bad declaration reverts all of its transaction: the others go on without it.
      if (batch.length > 1) return declareParts(cut(batch, Math.ceil(batch.length / 2)), signal);
      const fids = batch.map(({ fid }) => fid);
      const reason = describeCause(cause);
      throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason }, { cause });
    }
  }

  async function declareParts(
    parts: readonly (readonly Declaration[])[],
    signal: AbortSignal,
  ): Promise<void> {
    const outcomes = await Promise.allSettled(parts.map((part) => declare(part, signal)));
    const fids: Hex[] = [];
    let last: StorageClientError | undefined;
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      const cause: unknown = outcome.reason;
      if (!isDeclarationRefused(cause)) throw cause;
      fids.push(...cause.detail.fids);
      last = cause;
    }
    if (last === undefined) return;
    const reason = last.message;
    throw new StorageClientError({ code: "DECLARATION_REFUSED", fids, reason }, { cause: last });
  }

  return {
    declare,
    async remove(territory, fids, signal) {
      const sends = cut(fids, REMOVED_MAX).map((part) => {
        return chain.send("files", "remove", [territory, part], { signal });
      });
      const outcomes = await Promise.allSettled(sends);
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  };
}

type Refused = StorageClientError & {
  readonly detail: { readonly code: "DECLARATION_REFUSED"; readonly fids: readonly Hex[] };
};

function isDeclarationRefused(cause: unknown): cause is Refused {
  return cause instanceof StorageClientError && cause.detail.code === "DECLARATION_REFUSED";
}

function cut<Item>(items: readonly Item[], countMax: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / countMax);
  return Array.from({ length: count }, (_, index) => {
    return items.slice(index * countMax, (index + 1) * countMax);
  });
}

function toCall(declaration: Declaration): {
  fid: Hex;
  sizeBytes: bigint;
  profile: number;
  territory: Hex;
  expiryBlock: bigint;
  placement: readonly Hex[];
  signature: Hex;
} {
  const { sizeBytes, profileId: profile, signature, ...rest } = declaration;
  return { ...rest, sizeBytes: BigInt(sizeBytes), profile, signature: bytesToHex(signature) };
}
