import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { SEGMENT_ALL, TEE_ROLE } from "@cess/protocol/states";
import type { Hex } from "@cess/std/bytes";
import { createTestBed, eventually } from "./testing/test-bed.ts";

function account(index: number): Hex {
  return `0x${index.toString(16).padStart(40, "0")}`;
}

test("an order is not claimed, at the risk of a penalty, while its sources do not answer", async () => {
  let askedCount = 0;
  const away = createServer((_request, response) => {
    askedCount += 1;
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => away.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(away.address() as AddressInfo).port}`;
  const bed = await createTestBed();
  try {
    const { chain } = bed;
    const counts = { failuresInRow: 0, auditsPassed: 0n, auditsFailed: 0n, stakeWei: 1n };
    const sizes = { declaredBytes: 0n, usedBytes: 0n, taggedBytes: 0n, registeredBlock: 0n };
    const holdings = Array.from({ length: 12 }, (_, column) => {
      const miner = account(1000 + column);
      const profile = { account: miner, blsPublicKey: "0x" as const, endpoint, region: "" };
      chain.miners.set(miner, { ...profile, ...sizes, ...counts, state: 0 });
      return { miner, tee: account(1), sinceBlock: 0n };
    });
    chain.workers.set(account(1), {
      ...{ account: account(1), endpoint, role: TEE_ROLE.full, attestationKind: 0, isActive: true },
      ...{ reportSigner: account(2), tagKeyHash: `0x${"01".repeat(32)}`, tagKey: "0x" },
      ...{ verdicts: 0n, falseVerdicts: 0n, lastWorkBlock: 0n },
    });
    const fid: Hex = `0x${"05".repeat(32)}`;
    const rest = { declaredBlock: 1n, owners: [], overrides: [] };
    chain.files.set(fid, { fid, sizeBytes: 1000n, profile: 0, holdings, ...rest });
    chain.openOrder({ fid, segment: SEGMENT_ALL, column: 0 }, account(1000));
    await bed.createNode(0).start();
    await eventually(() => askedCount >= 11);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(chain.callsOf("claimRestoral").length, 0);
  } finally {
    await bed.close();
    away.close();
  }
});
