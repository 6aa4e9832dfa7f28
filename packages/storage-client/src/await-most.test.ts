import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@cess/runtime/node/system";
import { awaitMost } from "./await-most.ts";

function fixture(count: number) {
  const works = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const givenUp: number[] = [];
  const wait = (needCount: number, patienceMs = 10_000) =>
    awaitMost(
      systemClock,
      works.map(({ promise }) => promise),
      {
        patience: { needCount, stallMs: 20, patienceMs },
        giveUp(index) {
          givenUp.push(index);
          works[index]?.resolve();
        },
      },
    );
  return { works, givenUp, wait };
}

test("whoever is far behind enough others is given up", async () => {
  const { works, givenUp, wait } = fixture(5);
  for (const { resolve } of works.slice(0, 3)) resolve();
  await wait(3);
  assert.deepEqual(givenUp, [3, 4]);
});

test("while too many are behind, nobody is given up", async () => {
  const { works, givenUp, wait } = fixture(5);
  for (const { resolve } of works.slice(0, 2)) resolve();
  const waiting = wait(3);
  await systemClock.sleep(80);
  assert.deepEqual(givenUp, []);
  for (const { resolve } of works) resolve();
  await waiting;
  assert.deepEqual(givenUp, []);
});

test("patience ends for all at once", async () => {
  const { givenUp, wait } = fixture(2);
  await wait(2, 30);
  assert.deepEqual(givenUp, [0, 1]);
});
