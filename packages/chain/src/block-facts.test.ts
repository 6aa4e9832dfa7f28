import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@cess/std/error";
import { assertBlockWhole, readBlockFacts } from "./block-facts.ts";
import { Cluster, transfer } from "./testing/cluster.ts";

test("facts agree with the executor's, and no byte of a block can change unseen", async () => {
  const cluster = await Cluster.create({ validatorCount: 1, blockMs: 20 });
  try {
    const { executor } = await cluster.start(0);
    for (const nonce of [0, 1, 2]) await cluster.at(0).node.mempool.add(await transfer(nonce));
    await cluster.untilHeight(3n, 10_000);
    for (const height of [1n, 2n, 3n]) {
      const { hash, parentHash, timestampSeconds, proposer, beacon, lastCertificateHash } =
        executor.summaryAt(height);
      const facts = readBlockFacts(executor.blockBytes(height));
      const expected = {
        hash,
        parentHash,
        timestampSeconds,
        proposer,
        beacon,
        lastCertificateHash,
      };
      assert.deepEqual(facts, { height, ...expected });
      assertBlockWhole(executor.blockBytes(height));
    }
    const withTransfers = [1n, 2n, 3n].map((height) => executor.blockBytes(height));
    const block = withTransfers.toSorted((left, right) => right.length - left.length)[0]!;
    const honest = readBlockFacts(block);
    for (let offset = 0; offset < block.length; offset += 1) {
      const changed = block.slice();
      changed[offset]! ^= 0x01;
      assert(isNoticed(changed, honest.hash), `byte ${offset}`);
    }
    for (let length = 0; length < block.length; length += 7) {
      assert.throws(
        () => readBlockFacts(block.slice(0, length)),
        (cause) => hasCode(cause, "BLOCK_REFUSED"),
      );
    }
  } finally {
    await cluster.stopAll();
  }
});

function isNoticed(block: Uint8Array, honestHash: string): boolean {
  try {
    if (readBlockFacts(block).hash !== honestHash) return true;
    assertBlockWhole(block);
    return false;
  } catch (cause) {
    return hasCode(cause, "BLOCK_REFUSED");
  }
}
