import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { signersOf } from "@cess/consensus/certificate";
import { systemClock } from "@cess/runtime/node/system";
import { INLINE_BODY_BYTES_MAX, SYNC_BLOCKS_MAX } from "./messages.ts";
import { Cluster, type ClusterOptions, transfer } from "./testing/cluster.ts";

const WAIT_MS = 30_000;

function clusterTest(
  name: string,
  options: ClusterOptions,
  body: (cluster: Cluster) => Promise<void>,
): void {
  test(name, async () => {
    const cluster = await Cluster.create(options);
    try {
      await body(cluster);
      cluster.assertNoFork();
    } finally {
      await cluster.stopAll();
    }
  });
}

const FOUR = { validatorCount: 4, blockMs: 100 };
/** Slow enough for a machine that is busy with other things. */
const SLOW = { validatorCount: 4, blockMs: 400 };

clusterTest(
  "four validators keep the pace of the spec, and transactions land",
  SLOW,
  async (cluster) => {
    await cluster.startAll();
    await cluster.untilHeight(3n, WAIT_MS);
    const startMs = systemClock.nowMs();
    const startHeight = cluster.at(0).executor.head().height;
    const hash = await cluster.at(1).node.mempool.add(await transfer(0));
    await cluster.untilHeight(startHeight + 12n, WAIT_MS);
    const blockMs = (systemClock.nowMs() - startMs) / 12;
    assert(blockMs >= 0.9 * SLOW.blockMs, `${blockMs} ms a block is too fast`);
    assert(blockMs < 2 * SLOW.blockMs, `${blockMs} ms a block is too slow`);
    for (const { executor, node } of cluster.running) {
      assert(executor.transactionPlace(hash) !== undefined, "the transfer is in the chain");
      assert.equal(node.mempool.count, 0);
    }
  },
);

clusterTest("one of four may be down, and catches up when it is back", FOUR, async (cluster) => {
  await cluster.startAll();
  await cluster.untilHeight(2n, WAIT_MS);
  await cluster.at(3).stop();
  const downAt = cluster.at(0).executor.head().height;
  await cluster.untilHeight(downAt + 5n, WAIT_MS);
  await cluster.start(3);
  const backAt = cluster.at(0).executor.head().height;
  await cluster.untilHeight(backAt + 3n, WAIT_MS);
});

clusterTest(
  "two of four down halt the chain, and it goes on when they are back",
  FOUR,
  async (cluster) => {
    await cluster.startAll();
    await cluster.untilHeight(2n, WAIT_MS);
    await cluster.at(2).stop();
    await cluster.at(3).stop();
    await systemClock.sleep(500);
    const haltedAt = cluster.at(0).executor.head().height;
    await systemClock.sleep(2_000);
    assert.equal(cluster.at(0).executor.head().height, haltedAt, "two of four decide nothing");
    await cluster.start(2);
    await cluster.start(3);
    await cluster.untilHeight(haltedAt + 3n, WAIT_MS);
  },
);

clusterTest("a partition forks nothing and heals", FOUR, async (cluster) => {
  await cluster.startAll();
  await cluster.untilHeight(2n, WAIT_MS);
  const side = (peerId: string) => (["node 0", "node 1"].includes(peerId) ? "left" : "right");
  cluster.latency.of = ({ from, to }) => (side(from) === side(to) ? 1 : undefined);
  await systemClock.sleep(500);
  const heights = cluster.heights();
  await systemClock.sleep(1_500);
  assert.deepEqual(cluster.heights(), heights, "neither half decides anything");
  cluster.latency.of = () => 1;
  await cluster.untilHeight((heights[0] ?? 0n) + 4n, WAIT_MS);
});

clusterTest("a third of all messages lost slows the chain, no more", FOUR, async (cluster) => {
  let count = 0;
  cluster.latency.of = () => {
    count += 1;
    return count % 3 === 0 ? undefined : 1;
  };
  await cluster.startAll();
  await cluster.untilHeight(6n, 60_000);
});

clusterTest("a node without keys follows from genesis on", FOUR, async (cluster) => {
  await cluster.startAll();
  await cluster.untilHeight(4n, WAIT_MS);
  const follower = await cluster.start(4, { isFollower: true });
  const startedAt = cluster.at(0).executor.head().height;
  await cluster.untilHeight(startedAt + 3n, WAIT_MS);
  assert.equal(follower.node.status().seat, undefined);
  await follower.node.mempool.add(await transfer(0));
  const place = () => cluster.at(0).executor.accountAt(`0x${"0b".repeat(20)}`, "latest");
  const startMs = systemClock.nowMs();
  while ((await place()).balanceWei === 0n) {
    assert(systemClock.nowMs() - startMs < WAIT_MS, "what a follower is sent reaches a proposer");
    await systemClock.sleep(50);
  }
});

clusterTest("blocks too large for gossip are fetched", FOUR, async (cluster) => {
  await cluster.startAll();
  await cluster.untilHeight(2n, WAIT_MS);
  for (let nonce = 0; nonce < 6; nonce += 1) {
    await cluster.at(nonce % 4).node.mempool.add(await transfer(nonce, 120_000));
  }
  let largestBytes = 0;
  cluster.at(0).node.onCommitted(({ block }) => {
    largestBytes = Math.max(largestBytes, block.body.block.length);
  });
  const mempools = () => cluster.running.map(({ node }) => node.mempool.count);
  await cluster.until(() => mempools().every((count) => count === 0), WAIT_MS);
  assert(largestBytes > INLINE_BODY_BYTES_MAX);
});

clusterTest(
  "a node that is many blocks behind fetches them in several requests",
  { validatorCount: 1, blockMs: 1 },
  async (cluster) => {
    await cluster.start(0);
    await cluster.untilHeight(BigInt(2 * SYNC_BLOCKS_MAX + 10), 60_000);
    const follower = await cluster.start(1, { isFollower: true });
    const height = cluster.at(0).executor.head().height;
    await cluster.until(() => follower.executor.head().height >= height, WAIT_MS);
  },
);

for (const lost of ["state", "chain"]) {
  clusterTest(`a validator that lost its ${lost} directory recovers`, FOUR, async (cluster) => {
    await cluster.startAll();
    await cluster.untilHeight(3n, WAIT_MS);
    await cluster.at(3).stop();
    await rm(join(cluster.directory, "3", lost), { recursive: true });
    await cluster.start(3);
    let signedCount = 0;
    cluster.at(0).node.onCommitted(({ block }) => {
      const certificate = block.body.parentCertificate;
      if (certificate !== undefined && signersOf(certificate).includes(3)) signedCount += 1;
    });
    await cluster.until(() => signedCount >= 3, WAIT_MS);
    for (const { node } of cluster.running) assert.deepEqual(node.evidence(), []);
  });
}
