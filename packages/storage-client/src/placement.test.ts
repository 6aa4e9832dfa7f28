import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "@cess/runtime/clock";
import type { Random } from "@cess/runtime/random";
import type { Hex } from "@cess/std/bytes";
import { NodeHealth } from "./node-health.ts";
import { ANYWHERE, chooseMiners, type PlacementRequest, type StorageMiner } from "./placement.ts";

const account = (index: number): Hex => `0x${index.toString(16).padStart(40, "0")}`;
const miner = (index: number, region = "eu/de", freeBytes = 100): StorageMiner => {
  const endpoint = `http://node-${index}`;
  const blsPublicKey = new Uint8Array(48);
  const space = { declaredBytes: 100, freeBytes };
  return { account: account(index), endpoint, region, blsPublicKey, ...space };
};

function fixture(miners: readonly StorageMiner[]) {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs } as Clock;
  const health = new NodeHealth(clock);
  let state = 1;
  const random: Random = {
    bytes: (sizeBytes) => new Uint8Array(sizeBytes),
    below: (bound) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    },
  };
  const directory = { activeMiners: () => miners, minerOf: () => undefined };
  const choose = (request: Partial<PlacementRequest>) =>
    chooseMiners(
      { directory, health, random },
      { count: 12, freeBytesMin: 10, exclude: new Set(), policy: ANYWHERE, ...request },
    ).map((chosen) => chosen.account);
  return { choose, health, advance: (ms: number) => (nowMs += ms) };
}

test("miners are distinct, and as many as asked for while there are any", () => {
  const { choose } = fixture(Array.from({ length: 20 }, (_, index) => miner(index)));
  const chosen = choose({ count: 12 });
  assert.equal(new Set(chosen).size, 12);
  assert.equal(choose({ count: 30 }).length, 20);
});

test("a miner without space, excluded, or outside the policy is never chosen", () => {
  const { choose } = fixture([
    miner(1, "eu/de", 9),
    miner(2, "eu/de"),
    miner(3, "eu/fr"),
    miner(4, "us/ny"),
    miner(5, "eur"),
  ]);
  assert.deepEqual(choose({ exclude: new Set([account(2)]) }).sort(), [
    account(3),
    account(4),
    account(5),
  ]);
  const inEurope = choose({ policy: { ...ANYWHERE, regions: ["eu"] } });
  assert.deepEqual(inEurope.sort(), [account(2), account(3)]);
  const notFrance = choose({ policy: { ...ANYWHERE, forbiddenRegions: ["eu/fr"] } });
  assert.deepEqual(notFrance.sort(), [account(2), account(4), account(5)]);
  const named = choose({ policy: { ...ANYWHERE, miners: [account(4)] } });
  assert.deepEqual(named, [account(4)]);
});

test("a miner that failed a moment ago is the last resort, and forgiven with time", () => {
  const { choose, health, advance } = fixture([miner(1), miner(2), miner(3)]);
  health.failed(account(2));
  for (let round = 0; round < 20; round += 1) {
    assert(!choose({ count: 2 }).includes(account(2)));
  }
  assert.equal(choose({ count: 3 })[2], account(2));
  advance(1_001);
  const seen = new Set(Array.from({ length: 50 }, () => choose({ count: 1 })).flat());
  assert(seen.has(account(2)));
});

test("full and slow miners are chosen less often than free and fast ones", () => {
  const { choose, health } = fixture([miner(1, "a", 100), miner(2, "a", 50), miner(3, "a", 100)]);
  for (let round = 0; round < 30; round += 1) health.succeeded(account(3), 500);
  const counts = new Map<Hex, number>();
  for (let round = 0; round < 300; round += 1) {
    const [first] = choose({ count: 1 });
    if (first !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  const of = (index: number) => counts.get(account(index)) ?? 0;
  assert(of(1) > of(2) && of(2) > of(3), `${of(1)} ${of(2)} ${of(3)}`);
});
