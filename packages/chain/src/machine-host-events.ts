import type { Evidence } from "@cess/consensus/evidence";
import type { Message } from "@cess/consensus/votes";
import type { Hex } from "@cess/std/bytes";
import type { BlockFacts } from "./application.ts";
import type { Body, CommittedBlock } from "./messages.ts";

/** What the host of the machine tells the rest of the node. */
export interface MachineHostEvents {
  /** Sends what this node signed to all others. */
  send(message: Message, body: Body | undefined): void;
  /** The machine begins to work on a height. */
  heightStarted(): void;
  /** A block became final; the next height waits for this. */
  committed(
    facts: BlockFacts,
    block: CommittedBlock,
    transactionHashes: readonly Hex[],
  ): Promise<void>;
  evidence(evidence: Evidence): void;
  /** The node cannot go on, for example because its disk failed. */
  fatal(cause: unknown): void;
}
