import { bench } from "@cess/std/bench";
import { hexToBytes } from "@cess/std/bytes";
import { Cluster } from "./testing/cluster.ts";

/**
 * Time from one final block to the next when nothing waits: proposal, block, two votes of each
 * seat, certificate and commit, all nodes in one process on one core.
 */
for (const validatorCount of [4, 11]) {
  await bench(
    "chain: block latency, memory hub",
    { validators: [validatorCount, validatorCount], blocks: [5, 30] },
    async ({ sizes }) => {
      const { blocks } = sizes;
      return {
        operations: blocks,
        body: async () => {
          const cluster = await Cluster.create({ validatorCount, blockMs: 1, latencyMs: () => 0 });
          try {
            await cluster.startAll();
            await cluster.untilHeight(BigInt(blocks), 120_000);
            // The genesis, not a block: the time of day is in every block.
            return hexToBytes(cluster.at(0).executor.genesisHash);
          } finally {
            await cluster.stopAll();
          }
        },
      };
    },
  );
}
