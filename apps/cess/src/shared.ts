import { availableParallelism } from "node:os";
import { VerificationCache } from "@cess/chain/verification-cache";
import type { ChainReader } from "@cess/chain-client/chain";
import { type ChainClientOptions, createChainReader } from "@cess/chain-client/client";
import { createDirectory, type Directory } from "@cess/chain-client/directory";
import { createSharedReader } from "@cess/chain-client/shared-reader";
import { MemoryHub } from "@cess/network/memory/hub";
import { createPodr2Pool, type Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import type { Logger } from "@cess/runtime/logger";
import { systemClock } from "@cess/runtime/node/system";

/** What the nodes of one process have in common. Each part is made when the first node needs it. */
export interface RoleShared {
  /** Joins the validators of this process when they are given no address to listen on. */
  hub(): MemoryHub;
  /** Signatures that one validator of this process has checked, the others need not. */
  verifications(): VerificationCache;
  /** Threads for tagging, proving and checking. */
  podr2(): Podr2Pool;
  /** Who takes part in the network, read once for all. */
  directory(at: ChainClientOptions): Promise<Directory>;
  /** The chain as one RPC shows it, each block read once for all. */
  reader(at: ChainClientOptions): ChainReader;
  stop(): Promise<void>;
}

/** Proofs that may wait for a thread. */
const PROOF_QUEUE_MAX = 512;

export function createShared(log: Logger): RoleShared {
  let hub: MemoryHub | undefined;
  let verifications: VerificationCache | undefined;
  let pool: Podr2Pool | undefined;
  const directories = new Map<string, Promise<Directory>>();
  const readers = new Map<string, ChainReader>();

  function reader(at: ChainClientOptions): ChainReader {
    const known = readers.get(at.rpcUrl);
    const shared = known ?? createSharedReader({ clock: systemClock }, createChainReader(at));
    readers.set(at.rpcUrl, shared);
    return shared;
  }

  return {
    hub() {
      hub ??= new MemoryHub({ clock: systemClock, log }, { latencyMs: () => 0 });
      return hub;
    },
    verifications() {
      verifications ??= new VerificationCache();
      return verifications;
    },
    podr2() {
      pool ??= createPodr2Pool({ threads: availableParallelism(), queueMax: PROOF_QUEUE_MAX });
      return pool;
    },
    reader,
    directory(at) {
      let directory = directories.get(at.rpcUrl);
      if (directory === undefined) {
        const created = createDirectory({ chain: reader(at), clock: systemClock, log });
        directory = created.start().then(() => created);
        directories.set(at.rpcUrl, directory);
      }
      return directory;
    },
    async stop() {
      for (const directory of directories.values()) await (await directory).stop();
      await pool?.stop();
    },
  };
}
