import assert from "node:assert/strict";
import { test } from "node:test";
import { ChainError } from "@cess/chain-client/error";
import { PROFILES } from "@cess/params/profile";
import { TERRITORY_STATE } from "@cess/protocol/states";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { MIB } from "@cess/std/units";
import type { FileStore, StoredObject } from "./file-store.ts";
import { guardTerritories, type TerritoryGuardDeps } from "./territory-guard.ts";

const OWNER: Hex = `0x${"aa".repeat(20)}`;
const account: Hex = `0x${"bb".repeat(20)}`;
const territory: Hex = `0x${"01".repeat(32)}`;
const options = { territory, profile: PROFILES.standard, signal: new AbortController().signal };

function createScene() {
  const scene = {
    nowMs: 0,
    isAway: false,
    isAuthorised: true,
    state: TERRITORY_STATE.active as number,
    usedBytes: 0n,
    reads: 0,
    writes: 0,
  };
  const read = async (_module: string, name: string): Promise<unknown> => {
    scene.reads += 1;
    if (scene.isAway) throw new ChainError({ code: "RPC_FAILED", method: "eth_call" });
    if (name === "isAuthorised") return scene.isAuthorised;
    const { state, usedBytes } = scene;
    return { owner: OWNER, totalBytes: BigInt(10 * MIB), usedBytes, state };
  };
  const chain = { account, read } as unknown as TerritoryGuardDeps["chain"];
  const store = {
    write: async (body: AsyncIterable<Uint8Array>) => {
      let sizeBytes = 0;
      for await (const bytes of body) sizeBytes += bytes.length;
      scene.writes += 1;
      return { declaration: { sizeBytes } } as StoredObject;
    },
    writeSmall: async () => {
      scene.writes += 1;
      return {} as StoredObject;
    },
  } as unknown as FileStore;
  const clock = { ...systemClock, nowMs: () => scene.nowMs };
  return { scene, guarded: guardTerritories({ chain, clock }, store) };
}

const small = new Uint8Array(MIB - 100_000);
const isRefused = (cause: unknown) => hasCode(cause, "TERRITORY_REFUSED");

async function* zeros(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += MIB) yield new Uint8Array(MIB);
}

test("what would not fit is refused before it is acknowledged, and fits again once there is space", async () => {
  const { scene, guarded } = createScene();
  for (let count = 0; count < 3; count += 1) await guarded.writeSmall(small, options);
  await assert.rejects(guarded.writeSmall(small, options), isRefused);
  assert.equal(scene.writes, 3);
  assert.equal(scene.reads, 2, "one look at the territory serves them all");
  scene.nowMs += 60_000;
  await guarded.writeSmall(small, options);
});

test("a stream that turns out too large is refused at its end", async () => {
  const { guarded } = createScene();
  await guarded.write(zeros(MIB), options);
  await assert.rejects(guarded.write(zeros(4 * MIB), options), isRefused);
});

test("attack: a territory that is frozen, or no longer given to this gateway, takes nothing", async () => {
  const { scene, guarded } = createScene();
  scene.isAuthorised = false;
  await assert.rejects(guarded.writeSmall(small, options), isRefused);
  scene.isAuthorised = true;
  await guarded.writeSmall(small, options);
  scene.nowMs += 60_000;
  scene.state = TERRITORY_STATE.frozen;
  await assert.rejects(guarded.write(zeros(MIB), options), isRefused);
  assert.equal(scene.writes, 1);
});

test("while the chain is away, writing goes on", async () => {
  const { scene, guarded } = createScene();
  scene.isAway = true;
  for (let count = 0; count < 5; count += 1) await guarded.writeSmall(small, options);
  scene.isAway = false;
  scene.state = TERRITORY_STATE.frozen;
  await assert.rejects(guarded.writeSmall(small, options), isRefused);
});
