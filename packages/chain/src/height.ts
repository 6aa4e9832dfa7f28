import type { HeightContext } from "@cess/consensus/authenticate";
import type { Committee } from "@cess/consensus/committee";
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

/** Whose view of a height is wanted. */
export interface Viewer {
  readonly chainId: string;
  readonly account: Hex | undefined;
  /** The height before, if it is known. */
  readonly previous: Height | undefined;
}

/** The height after the application's head. */
export async function heightAfterHead(
  application: Application,
  { chainId, account, previous }: Viewer,
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
    parentCommittee: await committeeOf(application, parent.height, previous),
    context: { chainId, committee, beacon: parent.beacon },
    self: seat === -1 ? undefined : seat,
    ended: new AbortController(),
  };
}

async function committeeOf(
  application: Application,
  height: bigint,
  known: Height | undefined,
): Promise<Committee | undefined> {
  if (height === 0n) return undefined;
  return known?.height === height ? known.committee : await application.committeeAt(height);
}
