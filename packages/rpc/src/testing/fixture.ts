/**
 * A chain of one node with its server.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Executor, openExecutor } from "@cess/execution/executor";
import { notebook } from "@cess/execution/testing/notebook";
import { createModuleSet } from "@cess/protocol/module";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { createRPCServer, type RPCServer } from "../server.ts";
import { createTestNode, type TestNode } from "./test-node.ts";

export const alice: PrivateKeyAccount = privateKeyToAccount(`0x${"a1".repeat(32)}`);
const PROPOSER: Hex = `0x${"99".repeat(20)}`;

export interface Fixture {
  readonly executor: Executor;
  readonly node: TestNode;
  readonly server: RPCServer;
  stop(): Promise<void>;
}

export async function startFixture(): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), "cess-rpc-"));
  const genesis = {
    spec: "dev",
    timestampSeconds: 1_800_000_000n,
    alloc: [{ address: alice.address.toLowerCase() as Hex, balanceWei: 1000n * CESS }],
    validators: [
      {
        account: PROPOSER,
        blsPublicKey: new Uint8Array(48).fill(1),
        blsProof: new Uint8Array(96),
        vrfPublicKey: new Uint8Array(32).fill(2),
        bondedWei: 0n,
      },
    ],
    timelock: PROPOSER,
  } as const;
  const modules = createModuleSet([notebook]);
  const executor = await openExecutor({ directory, genesis, modules });
  const node = createTestNode(executor, PROPOSER);
  const metrics = createPrometheusMetrics();
  const deps = { executor, node, metrics, clock: systemClock, random: systemRandom };
  const options = { host: "127.0.0.1", port: 0 };
  const server = createRPCServer({ ...deps, log: silentLogger }, options);
  await server.start();
  return {
    executor,
    node,
    server,
    async stop() {
      await server.stop();
      await executor.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
