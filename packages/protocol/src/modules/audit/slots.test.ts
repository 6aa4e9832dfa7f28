import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@cess/std/bytes";
import fc from "fast-check";
import { createModules } from "../../modules.ts";
import { MemoryChain } from "../../testing/memory-host.ts";
import { fidOf, OWNER, testVerifier } from "../../testing/world.ts";
import {
  countAuditBlocks,
  countSlots,
  countUsedSlots,
  findPositions,
  freeSlot,
  placeAt,
  setSlotBlocks,
  takeSlot,
} from "./slots.ts";

const miner: Hex = `0x${"11".repeat(20)}`;

function createChain(): Promise<MemoryChain> {
  const genesis = {
    spec: "dev",
    timestampSeconds: 0n,
    alloc: [],
    validators: [],
    timelock: OWNER.account,
  } as const;
  return MemoryChain.create({ modules: createModules({ proofVerifier: testVerifier }), genesis });
}

test("every position leads to the slot that a plain list of counts names", async () => {
  const step = fc.record({ isFree: fc.boolean(), pick: fc.nat(), blockCount: fc.nat(300) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 400, size: "max" }), async (steps) => {
      const host = (await createChain()).host();
      const counts = new Map<number, number>();
      for (const [number, { isFree, pick, blockCount }] of steps.entries()) {
        const taken = [...counts.keys()];
        if (isFree && taken.length > 80) {
          const slot = taken[pick % taken.length] as number;
          await freeSlot(host, miner, slot);
          counts.delete(slot);
          continue;
        }
        const place = { fid: fidOf(`${number}`), segment: 0, column: 0 };
        const slot = await takeSlot(host, miner, place);
        assert(!counts.has(slot));
        assert.deepEqual(await placeAt(host, miner, slot), place);
        await setSlotBlocks(host, { miner, slot, blockCount });
        counts.set(slot, blockCount);
      }
      const expected = [...counts]
        .sort(([left], [right]) => left - right)
        .flatMap(([slot, count]) =>
          Array.from({ length: count }, (_, offset) => ({ slot, offset })),
        );
      assert.equal(await countUsedSlots(host, miner), counts.size);
      assert.equal(await countAuditBlocks(host, miner), expected.length);
      const found = await findPositions(host, miner, [...expected.keys()]);
      assert.deepEqual(found, expected);
    }),
    { numRuns: 20 },
  );
});

test("a freed slot is the next that is taken", async () => {
  const host = (await createChain()).host();
  const place = { fid: fidOf("a"), segment: 0, column: 0 };
  for (let count = 0; count < 100; count += 1) await takeSlot(host, miner, place);
  await freeSlot(host, miner, 17);
  assert.equal(await placeAt(host, miner, 17), undefined);
  assert.equal(await takeSlot(host, miner, place), 17);
  assert.equal(await countSlots(host, miner), 100);
});

test("a change in a set of a quarter million writes a record a level", async () => {
  const chain = await createChain();
  const host = chain.host();
  const place = { fid: fidOf("a"), segment: 0, column: 0 };
  await takeSlot(host, miner, place);
  await setSlotBlocks(host, { miner, slot: 0, blockCount: 1 });
  await setSlotBlocks(host, { miner, slot: 262_143, blockCount: 5 });
  chain.writeCount = 0;
  await setSlotBlocks(host, { miner, slot: 262_143, blockCount: 7 });
  assert.equal(chain.writeCount, 4, "three levels of 64, and the header");
  const [first, last] = await findPositions(host, miner, [0, 7]);
  assert.deepEqual([first?.slot, last], [0, { slot: 262_143, offset: 6 }]);
});
