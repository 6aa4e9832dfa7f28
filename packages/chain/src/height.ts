import type { HeightContext } from "@cess/consensus/authenticate";
import type { Hex } from "@cess/std/bytes";
import type { Application } from "./application.ts";
import type { HeightRules } from "./block-rules.ts";

/** The height that a node works on. */
export interface Height extends HeightRules {
  readonly context: HeightContext;
  /** Seat of this node, if it has one. */
  readonly self: number | undefined;
  /** Aborts when the height is over. */
  readonly ended: AbortController;
}

/** The height after the application's head, from the view of `account`. */
export async function heightAfterHead(
  application: Application,
  { chainId, account }: { readonly chainId: string; readonly account: Hex | undefined },
): Promise<Height> {
  const parent = application.head();
  const height = parent.height + 1n;
  const committee = await application.committeeAt(height);
  const seat = committee.seats.findIndex(({ address }) => address === account);
  return {
    chainId,
    height,
    parent,
    committee,
    parentCommittee:
      parent.height === 0n ? undefined : await application.committeeAt(parent.height),
    context: { chainId, committee, beacon: parent.beacon },
    self: seat === -1 ? undefined : seat,
    ended: new AbortController(),
  };
}
