import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryHub } from "@cess/network/memory/hub";
import type { Clock } from "@cess/runtime/clock";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import { bytesToHex } from "@cess/std/bytes";
import { createMempool, type Mempool } from "./mempool.ts";
import { chainProtocols } from "./messages.ts";
import { createTransactionGossip } from "./transaction-gossip.ts";

/** Ten seconds pass in ten milliseconds, but sleeps take as long as ever. */
const fastClock: Clock = { ...systemClock, nowMs: () => 1000 * systemClock.nowMs() };
const protocols = chainProtocols("test");
const raw = Uint8Array.of(1, 2, 3);

interface Node {
  readonly mempool: Mempool;
  stop(): Promise<void>;
}

/** A pool that takes anything, on the network. */
async function startNode(hub: MemoryHub, name: string, clock: Clock): Promise<Node> {
  const network = hub.createNetwork(name);
  const application = {
    checkTransaction: async (bytes: Uint8Array) => ({
      hash: bytesToHex(bytes),
      raw: bytes,
      sender: bytesToHex(bytes),
      nonce: 0n,
      accountNonce: 0n,
      gasLimit: 21_000n,
      maxFeePerGas: 1n,
      maxPriorityFeePerGas: 1n,
      sizeBytes: bytes.length,
    }),
    accountAt: async () => ({ nonce: 0n }),
  };
  const mempool = createMempool({ application, clock: systemClock }, { blockGasMax: 1_000_000 });
  const gossip = createTransactionGossip({ network, mempool, protocols, clock, log: silentLogger });
  await network.start();
  await gossip.start();
  const stop = async () => {
    await gossip.stop();
    await network.stop();
  };
  return { mempool, stop };
}

async function untilKnown({ mempool }: Node): Promise<void> {
  const startMs = systemClock.nowMs();
  while (mempool.count === 0) {
    assert(systemClock.nowMs() - startMs < 5_000, "the transaction arrives");
    await systemClock.sleep(5);
  }
}

test("a transaction that came before any peer reaches the first one", async () => {
  const hub = new MemoryHub({ clock: systemClock, log: silentLogger }, { latencyMs: () => 1 });
  const first = await startNode(hub, "first", systemClock);
  await first.mempool.add(raw);
  await systemClock.sleep(150);
  const second = await startNode(hub, "second", systemClock);
  await untilKnown(second);
  await second.stop();
  await first.stop();
});

test("a transaction that the network lost is told again, by the node it came to", async () => {
  const tellers: string[] = [];
  const latencyMs = ({ from }: { readonly from: string }) => {
    tellers.push(from);
    return tellers.length <= 3 ? undefined : 1;
  };
  const hub = new MemoryHub({ clock: systemClock, log: silentLogger }, { latencyMs });
  const second = await startNode(hub, "second", fastClock);
  const first = await startNode(hub, "first", fastClock);
  await first.mempool.add(raw);
  await untilKnown(second);
  await systemClock.sleep(200);
  assert(tellers.length > 3, "the first three were lost");
  assert(
    tellers.every((teller) => teller === "first"),
    "who hears of it from a peer keeps quiet",
  );
  await second.stop();
  await first.stop();
});
