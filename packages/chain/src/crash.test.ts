/**
 * A validator that dies at any point, between or within its steps, neither signs twice nor forks.
 *
 * Recorded mutation: with the sign guard and the replay of the journal taken out, the witness finds
 * contradictions and the first of these tests fails.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vote } from "@cess/consensus/votes";
import { systemClock } from "@cess/runtime/node/system";
import { CodedError } from "@cess/std/error";
import { type ChainStore, type ChainStoreOptions, openChainStore } from "./chain-store.ts";
import { chainProtocols, consensusChainId } from "./messages.ts";
import { Cluster } from "./testing/cluster.ts";

class Crash extends CodedError<{ readonly code: "CRASH" }> {
  constructor() {
    super({ code: "CRASH" }, "the machine lost power");
  }
}

/** A store that fails for good at its `writesMax`-th write, before or after writing. */
function dyingStore(writesMax: number, isWritten: boolean) {
  return async (options: ChainStoreOptions): Promise<ChainStore> => {
    const store = await openChainStore(options);
    let writes = 0;
    const write = async (task: () => Promise<void>) => {
      writes += 1;
      if (writes === writesMax && isWritten) await task();
      if (writes >= writesMax) throw new Crash();
      await task();
    };
    return {
      lastSigned: () => store.lastSigned(),
      journal: (height) => store.journal(height),
      commitAt: (height) => store.commitAt(height),
      close: () => store.close(),
      append: (entry) => write(() => store.append(entry)),
      putCommit: (commit, parent) => write(() => store.putCommit(commit, parent)),
    };
  };
}

/** Hears all votes, and finds a seat that says two things in one step. */
class Witness {
  readonly #votes = new Map<string, string>();
  readonly contradictions: string[] = [];
  count = 0;

  hear({ seat, height, round, kind, valueId }: Vote): void {
    this.count += 1;
    const step = `${seat} ${height} ${round} ${kind}`;
    const known = this.#votes.get(step);
    if (known !== undefined && known !== String(valueId)) this.contradictions.push(step);
    this.#votes.set(step, String(valueId));
  }
}

test("the witness finds a seat that contradicts itself", () => {
  const witness = new Witness();
  const vote: Vote = {
    kind: "precommit",
    height: 3n,
    round: 0,
    valueId: "0x01",
    seat: 2,
    signature: new Uint8Array(96),
  };
  for (const valueId of ["0x01", "0x01", undefined] as const) witness.hear({ ...vote, valueId });
  witness.hear({ ...vote, round: 1, valueId: "0x02" });
  assert.deepEqual(witness.contradictions, ["2 3 0 precommit"]);
});

async function listen(cluster: Cluster): Promise<Witness> {
  const witness = new Witness();
  const { genesisHash } = cluster.at(0).executor;
  const { votes } = chainProtocols(consensusChainId(11330, genesisHash));
  const network = cluster.hub.createNetwork("witness");
  network.subscribe(votes, (vote) => {
    witness.hear(vote);
    return "accept";
  });
  await network.start();
  return witness;
}

for (const isWritten of [false, true]) {
  const moment = isWritten ? "after" : "before";
  test(`a validator that dies ${moment} any write comes back without signing twice`, async () => {
    const cluster = await Cluster.create({ validatorCount: 4, blockMs: 50 });
    try {
      for (const index of [0, 1, 2]) await cluster.start(index);
      const witness = await listen(cluster);
      for (let writesMax = 1; writesMax <= 12; writesMax += 1) {
        const victim = await cluster.start(3, { openStore: dyingStore(writesMax, isWritten) });
        const startMs = systemClock.nowMs();
        while (victim.fatal.length === 0) {
          assert(systemClock.nowMs() - startMs < 20_000, `write ${writesMax} was reached`);
          await systemClock.sleep(5);
        }
        assert(victim.fatal[0] instanceof Crash);
        assert(victim.node.status().isHalted);
        await victim.stop();
      }
      await cluster.start(3);
      const height = cluster.at(0).executor.head().height;
      await cluster.untilHeight(height + 4n, 20_000);
      assert(witness.count > 100, "the witness heard the votes");
      assert.deepEqual(witness.contradictions, []);
      for (const { node } of cluster.running) assert.deepEqual(node.evidence(), []);
      cluster.assertNoFork();
    } finally {
      await cluster.stopAll();
    }
  });
}

test("four validators that all die at one moment go on from their journals", async () => {
  const cluster = await Cluster.create({ validatorCount: 4, blockMs: 50 });
  try {
    for (let life = 0; life < 4; life += 1) {
      for (const index of [0, 1, 2, 3]) {
        await cluster.start(index, { openStore: dyingStore(7 + 2 * life, life % 2 === 0) });
      }
      const startMs = systemClock.nowMs();
      while (!cluster.running.every(({ fatal }) => fatal.length > 0)) {
        if (systemClock.nowMs() - startMs > 3_000) break; // Too few are left to go on.
        await systemClock.sleep(5);
      }
      for (const running of cluster.running) await running.stop();
    }
    await cluster.startAll();
    const height = cluster.heights().toSorted((left, right) => Number(right - left))[0] ?? 0n;
    assert(height > 0n, "they got somewhere between their deaths");
    await cluster.untilHeight(height + 3n, 20_000);
    cluster.assertNoFork();
    for (const { node } of cluster.running) assert.deepEqual(node.evidence(), []);
  } finally {
    await cluster.stopAll();
  }
});
