import assert from "node:assert/strict";
import { test } from "node:test";
import { createLibp2pNetwork } from "@cess/network/libp2p/network";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { Cluster, transfer } from "./testing/cluster.ts";

test("four validators agree over TCP, and one that was away catches up", async () => {
  const cluster = await Cluster.create({ validatorCount: 4, blockMs: 200 });
  const bootstrapAddresses: string[] = [];
  const start = async (index: number) => {
    const network = await createLibp2pNetwork(
      { clock: systemClock, random: systemRandom, log: silentLogger },
      {
        identitySeed: new Uint8Array(32).fill(index + 1),
        listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
        bootstrapAddresses: [...bootstrapAddresses],
        connectionsMax: 16,
      },
    );
    await cluster.start(index, { network });
    return network.addresses();
  };
  try {
    for (const index of [0, 1, 2]) bootstrapAddresses.push(...(await start(index)));
    await start(3);
    await cluster.untilHeight(3n, 20_000);
    const hash = await cluster.at(2).node.mempool.add(await transfer(0));
    await cluster.at(3).stop();
    const height = cluster.at(0).executor.head().height;
    await cluster.untilHeight(height + 5n, 20_000);
    await start(3);
    await cluster.untilHeight(height + 12n, 20_000);
    for (const { executor } of cluster.running) {
      assert(executor.transactionPlace(hash) !== undefined, "the transfer is in the chain");
    }
    cluster.assertNoFork();
  } finally {
    await cluster.stopAll();
  }
});
