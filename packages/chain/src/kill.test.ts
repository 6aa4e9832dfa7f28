import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { signersOf } from "@cess/consensus/certificate";
import { createLibp2pNetwork } from "@cess/network/libp2p/network";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { Cluster } from "./testing/cluster.ts";

const PROGRAM = join(import.meta.dirname, "testing", "validator-process.ts");
const BLOCK_MS = 150;
const KILLS = 4;

test("a validator whose process is killed comes back and never contradicts itself", async () => {
  const cluster = await Cluster.create({ validatorCount: 4, blockMs: BLOCK_MS });
  const children: ChildProcess[] = [];
  try {
    const addresses: string[] = [];
    for (const index of [0, 1, 2]) {
      const network = await createLibp2pNetwork(
        { clock: systemClock, random: systemRandom, log: silentLogger },
        {
          identitySeed: new Uint8Array(32).fill(index + 1),
          listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
          bootstrapAddresses: [...addresses],
          connectionsMax: 16,
        },
      );
      await cluster.start(index, { network });
      addresses.push(...network.addresses());
    }
    let signedCount = 0;
    cluster.at(0).node.onCommitted(({ block }) => {
      const parent = block.body.parentCertificate;
      if (parent !== undefined && signersOf(parent).includes(3)) signedCount += 1;
    });
    for (let life = 0; life <= KILLS; life += 1) {
      const args = ["3", "4", String(BLOCK_MS), join(cluster.directory, "3"), ...addresses];
      const stdio = ["ignore", "pipe", "inherit"] as const;
      const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: [...stdio] });
      children.push(child);
      assert(child.stdout !== null);
      await once(child.stdout, "data");
      signedCount = 0;
      await cluster.until(() => signedCount >= 2, 30_000);
      await systemClock.sleep(systemRandom.below(2 * BLOCK_MS));
      if (life === KILLS) break;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    for (const { node } of cluster.running) assert.deepEqual(node.evidence(), []);
    cluster.assertNoFork();
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await cluster.stopAll();
  }
});
