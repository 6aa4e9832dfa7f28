/**
 * The network finds what is broken on disk and mends it: audits, restoral orders, new holders.
 * On the dev chain each storage node is challenged about once a minute, at random.
 */
import assert from "node:assert/strict";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand, type S3Client } from "@aws-sdk/client-s3";
import type { ChainReader } from "@cess/chain-client/chain";
import type { ChainEvent } from "@cess/chain-client/modules";
import { JUDGE, SEGMENT_ALL } from "@cess/protocol/states";
import { activeMiners, callRPC, createChain } from "./harness/chain.ts";
import { contentHash, KIB, MIB } from "./harness/content.ts";
import { declaredIds, eventsSince, type FileRecord } from "./harness/files.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3, getHash, putContent } from "./harness/s3.ts";
import { eventually, say, timed } from "./harness/wait.ts";

type EventNamed<Name> = Extract<ChainEvent, { name: Name }>;

const network = new LocalNetwork({ portBase: 21_400 });
const Bucket = "repair";
/** One segment and a bit: fragments of 8 MiB and of 75 KiB in every column; and a bundle. */
const OBJECTS = [
  { seed: "two-segments", sizeBytes: 32 * MIB + 300 * KIB },
  { seed: "bundled", sizeBytes: 20 * KIB },
] as const;
const FLIPPED = "storage-1";
const DELETED = "storage-2";
/** Several, so that one of them is challenged soon. */
const UNPROVABLE = ["storage-3", "storage-4", "storage-5"] as const;
const AUDIT_MS_MAX = 300_000;

let s3: S3Client;
let chain: ChainReader;
let fids: readonly string[];

before(async () => {
  await network.up();
  s3 = createS3(network.ready);
  chain = createChain(network.ready);
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const object of OBJECTS) await putContent(s3, { Bucket, Key: object.seed }, object);
});
after(() => network.remove());

async function accountOf(nodeId: string): Promise<string> {
  const { endpoint } = network.node(nodeId);
  const miner = (await activeMiners(chain)).find((each) => each.endpoint === endpoint);
  assert(miner !== undefined, `${nodeId} is not on the chain`);
  return miner.account;
}

/** Paths of all files below one of the folders of a storage node. */
async function filesOf(nodeId: string, kind: "fragments" | "tags"): Promise<string[]> {
  const folder = join(network.node(nodeId).dataDir, kind);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  assert(files.length > 0, `${folder} is empty`);
  return files.map(({ parentPath, name }) => join(parentPath, name));
}

/** Changes one bit in the middle. */
async function flipBit(path: string): Promise<void> {
  await using file = await open(path, "r+");
  const at = Math.floor((await file.stat()).size / 2);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
}

async function waitForEvent<Name extends ChainEvent["name"]>(
  name: Name,
  what: string,
  matches: (event: EventNamed<Name>) => boolean,
): Promise<EventNamed<Name>> {
  return timed(what, () =>
    eventually(
      what,
      async () => {
        const events = await eventsSince(chain);
        return events.find((event): event is EventNamed<Name> => {
          return event.name === name && matches(event as EventNamed<Name>);
        });
      },
      { timeoutMs: AUDIT_MS_MAX, intervalMs: 1_000 },
    ),
  );
}

/** Holder of a fragment, or of a whole column, as `cess_file` tells anyone who asks. */
async function holderOf(fid: string, segment: number, column: number): Promise<string> {
  const file = await callRPC<FileRecord>(network.ready.rpc, "cess_file", [fid]);
  const own = file.overrides.find((each) => each.segment === segment && each.column === column);
  return (own ?? file.holdings[column])?.miner.toLowerCase() ?? "";
}

/** Waits until what `nodeId` lost is in other hands, and the chain says so. */
async function waitForRestoral(nodeId: string): Promise<void> {
  const account = await accountOf(nodeId);
  const { args: order } = await waitForEvent(
    "OrderOpened",
    `a restoral order for ${nodeId}`,
    ({ args }) => args.origin === account,
  );
  const { fid, segment, column } = order;
  const { args: restored } = await waitForEvent(
    "Restored",
    `what ${nodeId} lost is restored`,
    ({ args }) => args.fid === fid && args.segment === segment && args.column === column,
  );
  assert.notEqual(restored.miner, account);
  const where = segment === SEGMENT_ALL ? 0 : segment;
  assert.equal(await holderOf(fid, where, column), restored.miner);
  await waitForEvent(
    "ChallengeClosed",
    `the new holder has passed its challenge`,
    ({ args }) => args.miner === restored.miner && args.passed,
  );
}

/** Reads all objects again and again until told to stop; a wrong byte rejects. */
function startReading() {
  let isOver = false;
  let readCount = 0;
  const reading = (async () => {
    while (!isOver) {
      for (const { seed, sizeBytes } of OBJECTS) {
        const hash = await getHash(s3, { Bucket, Key: seed });
        assert.equal(hash, contentHash(seed, sizeBytes), `a wrong byte in ${seed}`);
        readCount += 1;
      }
      await sleep(1_000);
    }
  })();
  // Seen by whoever stops it; until then it must not end the process.
  reading.catch(() => undefined);
  return async () => {
    isOver = true;
    await reading;
    say(`${readCount} reads, every byte right`);
  };
}

test("healthy storage nodes are tagged, challenged, and pass", async () => {
  await timed("tagged everywhere", () =>
    eventually(
      "tags of every storage node on the chain",
      async () => {
        const miners = await activeMiners(chain);
        const isTagged = miners.every(({ usedBytes, taggedBytes }) => {
          return usedBytes > 0n && taggedBytes === usedBytes;
        });
        return isTagged ? true : undefined;
      },
      { timeoutMs: 60_000 },
    ),
  );
  fids = await declaredIds(chain);
  assert.equal(fids.length, OBJECTS.length);
  const passed = await timed("three audits passed", () =>
    eventually(
      "three audits passed by the word of the TEE worker",
      async () => {
        const events = await eventsSince(chain);
        const closed = events.filter((event) => event.name === "ChallengeClosed");
        assert(
          closed.every(({ args }) => args.passed),
          "a healthy node failed",
        );
        return closed.length >= 3 ? closed : undefined;
      },
      { timeoutMs: 120_000, intervalMs: 1_000 },
    ),
  );
  const byTEE = passed.filter(({ args }) => args.judge === JUDGE.tee);
  say(`${byTEE.length} of ${passed.length} by the worker's verdict, the others checked on chain`);
  assert(byTEE.length > 0);
  interface Miners {
    readonly miners: readonly { readonly auditsPassed: string; readonly auditsFailed: string }[];
  }
  const { miners } = await callRPC<Miners>(network.ready.rpc, "cess_miners");
  assert(miners.some(({ auditsPassed }) => Number(auditsPassed) > 0));
  assert(miners.every(({ auditsFailed }) => Number(auditsFailed) === 0));
});

test("what breaks on disk is found, rebuilt elsewhere, and never read wrong", async () => {
  const stopReading = startReading();
  for (const path of await filesOf(FLIPPED, "fragments")) await flipBit(path);
  for (const path of await filesOf(DELETED, "fragments")) await rm(path);
  for (const id of UNPROVABLE) for (const path of await filesOf(id, "tags")) await flipBit(path);
  const unprovable = await Promise.all(UNPROVABLE.map(accountOf));
  try {
    await Promise.all([
      waitForRestoral(FLIPPED),
      waitForRestoral(DELETED),
      (async () => {
        const { args } = await waitForEvent(
          "ChallengeClosed",
          "an audit fails",
          (event) => !event.args.passed && unprovable.includes(event.args.miner),
        );
        say(`judged by ${Object.keys(JUDGE)[args.judge]}`);
        const failed = UNPROVABLE[unprovable.indexOf(args.miner)] as string;
        await waitForRestoral(failed);
      })(),
    ]);
  } finally {
    await stopReading();
  }
});
