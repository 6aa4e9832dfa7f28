import type { ChainSender } from "@cess/chain-client/chain";
import type { Directory } from "@cess/chain-client/directory";
import type { ChainSpec } from "@cess/params/chain-spec";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Random } from "@cess/runtime/random";
import type { TicketIssuer } from "@cess/storage-wire/ticket-issuer";
import type { FragmentFiles } from "./fragment-files.ts";
import type { FragmentStore } from "./fragment-store.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeMetrics } from "./metrics.ts";
import type { TEEClient } from "./tee-client.ts";
import type { Watch } from "./watch.ts";
import type { WorkerKeys } from "./worker-keys.ts";

/** What the loops of one storage node share. */
export interface NodeContext {
  readonly spec: ChainSpec;
  /** Sends as the account of the miner. */
  readonly chain: ChainSender;
  readonly directory: Directory;
  readonly store: FragmentStore;
  readonly ledger: Ledger;
  readonly files: FragmentFiles;
  readonly pool: Podr2Pool;
  readonly tickets: TicketIssuer;
  readonly tee: TEEClient;
  readonly workerKeys: WorkerKeys;
  /** Challenges to this miner. */
  readonly challenges: Watch;
  /** Restoral orders of all miners. */
  readonly orders: Watch;
  readonly counts: NodeMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}
