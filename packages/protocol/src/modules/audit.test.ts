import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { CHALLENGE_STATE, JUDGE, MINER_STATE, SEGMENT_ALL } from "../states.ts";
import { refused } from "../testing/refused.ts";
import { AUDIT, FILES, MINERS, PARAMS, TEE, TIMELOCK, World } from "../testing/world.ts";
import { PROOF_BYTES } from "./audit/challenges.ts";
import type { ParameterName } from "./parameters.ts";

interface Scene {
  readonly world: World;
  readonly fid: Hex;
  readonly miner: Hex;
  readonly id: bigint;
}

/** A tagged file, and a miner that was just challenged. */
async function createScene(changed: Partial<Record<ParameterName, bigint>> = {}): Promise<Scene> {
  const world = await World.create();
  for (const [name, value] of Object.entries(changed)) {
    await world.chain.send(PARAMS, "change", [name, value], { from: TIMELOCK.account });
  }
  const fid = await world.declare("a");
  await world.tag(fid);
  const miner = (world.miners[0] as { account: Hex }).account;
  const id = await world.untilChallenged(miner);
  world.chain.events = [];
  return { world, fid, miner, id };
}

/** The chain checks one challenge a block, and those of other miners may come first. */
const CHECK_BLOCKS = 12;
const NEVER_RECHECKED = { verdictRecheckOneIn: 4096n };
const ALWAYS_RECHECKED = { verdictRecheckOneIn: 1n };

async function endOf({ world, id }: Scene): Promise<{ state: number; judge: unknown }> {
  const { state } = await world.chain.view(AUDIT, "challengeOf", [id]);
  const closed = world.chain.decoded(AUDIT).filter((event) => {
    return event.eventName === "ChallengeClosed" && event.args["id"] === id;
  });
  assert(closed.length <= 1, "a challenge closes once");
  return { state, judge: closed[0]?.args["judge"] };
}

async function taggerOf({ world, id }: Scene): Promise<Hex> {
  const [answer] = await world.answers(id);
  assert(answer !== undefined);
  return answer.tee;
}

async function minerOf({ world, miner }: Scene) {
  return world.chain.view(MINERS, "minerOf", [miner]);
}

test("a challenge samples what the miner tagged, and a passed verdict closes it", async () => {
  const scene = await createScene(NEVER_RECHECKED);
  const { world, fid, id } = scene;
  const drawn = await world.chain.view(AUDIT, "samplesOf", [id]);
  assert.equal(drawn.length, 460);
  const blocks = new Set(drawn.map((sample) => sample.blockIndex));
  assert.equal(blocks.size, 21, "of 21 blocks none stays unseen in 460 draws");
  assert(
    drawn.every((sample) => sample.fid === fid && sample.column === 0 && sample.segment === 0),
  );
  await world.prove(id);
  await world.verdict(id, true);
  await world.chain.blocks();
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.passed, judge: JUDGE.tee });
  assert.equal((await minerOf(scene)).auditsPassed, 1n);
  assert.deepEqual(await world.chain.view(AUDIT, "openChallengeOf", [scene.miner]), []);
});

test("attack: a miner without a proof fails, is penalised, and its sampled column is restored", async () => {
  const scene = await createScene();
  const { world, fid, miner } = scene;
  const stake = (await minerOf(scene)).stakeWei;
  await world.chain.blocks(world.chain.spec.proofBlocks + 1);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.failed, judge: JUDGE.deadline });
  const failed = await minerOf(scene);
  assert.equal(failed.stakeWei, stake - stake / 100n);
  assert.deepEqual([failed.usedBytes, failed.taggedBytes, failed.failuresInRow], [0n, 0n, 1]);
  const order = await world.chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 0]);
  assert.equal(order.origin.toLowerCase(), miner);
});

test("attack: a proof after the deadline, twice, by another miner, short, for the wrong workers", async () => {
  const scene = await createScene();
  const { world, id, miner } = scene;
  const answers = await world.answers(id);
  const [answer] = answers as [(typeof answers)[0]];
  const submit = (proofs: typeof answers, from = miner) => {
    return world.chain.send(AUDIT, "submitProof", [id, proofs], { from });
  };
  const second = (world.miners[1] as { account: Hex }).account;
  await assert.rejects(submit(answers, second), refused("NOT_ALLOWED"));
  await assert.rejects(submit([]), refused("PROOF_INVALID"));
  await assert.rejects(submit([answer, answer]), refused("PROOF_INVALID"));
  const other = (world.tees[1] as { account: Hex }).account;
  await assert.rejects(submit([{ ...answer, tee: other }]), refused("PROOF_INVALID"));
  await assert.rejects(submit([{ ...answer, proof: "0x00" }]), refused("PROOF_INVALID"));
  await submit(answers);
  await assert.rejects(submit(answers), refused("STATE_WRONG"));
});

test("attack: a proof in the block after its deadline", async () => {
  const { world, id, miner } = await createScene();
  const answers = await world.answers(id);
  const late = () => world.chain.send(AUDIT, "submitProof", [id, answers], { from: miner });
  await world.chain.blocks(world.chain.spec.proofBlocks + 1);
  await assert.rejects(late(), refused("STATE_WRONG"));
});

test("attack: a stale or foreign proof, which no verdict covers, is found out by the chain", async () => {
  const scene = await createScene();
  const { world, id, miner } = scene;
  const [answer] = (await world.answers(id)) as [{ tee: Hex; proof: Hex }];
  const stale = bytesToHex(
    hexToBytes(answer.proof).map((byte, index) => (index ? byte : byte ^ 1)),
  );
  const given = [{ tee: answer.tee, proof: stale }];
  await world.chain.send(AUDIT, "submitProof", [id, given], { from: miner });
  assert.equal(await world.chain.view(AUDIT, "checkProof", [id]), false);
  const { proofBlocks, verdictBlocks } = world.chain.spec;
  await world.chain.blocks(proofBlocks + verdictBlocks + 2);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.failed, judge: JUDGE.chain });
});

test("a good proof passes without any verdict", async () => {
  const scene = await createScene();
  const { world, id } = scene;
  await world.prove(id);
  const { proofBlocks, verdictBlocks } = world.chain.spec;
  await world.chain.blocks(proofBlocks + verdictBlocks + 2);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.passed, judge: JUDGE.chain });
});

test("attack: a verdict by a worker that was not drawn, before the proof, or twice", async () => {
  const { world, id } = await createScene(ALWAYS_RECHECKED);
  const { verifier } = await world.chain.view(AUDIT, "challengeOf", [id]);
  await assert.rejects(world.verdict(id, true), refused("STATE_WRONG"));
  await world.prove(id);
  const other = world.tees.find((tee) => tee.account !== verifier.toLowerCase());
  const from = (other as { account: Hex }).account;
  const stolen = world.chain.send(AUDIT, "submitVerdict", [id, true], { from });
  await assert.rejects(stolen, refused("NOT_ALLOWED"));
  await world.verdict(id, true);
  await assert.rejects(world.verdict(id, false), refused("STATE_WRONG"));
});

test("attack: a worker lies that a proof fails: the miner passes, the worker is slashed", async () => {
  const scene = await createScene();
  const { world, id } = scene;
  await world.prove(id);
  const { verifier } = await world.chain.view(AUDIT, "challengeOf", [id]);
  await world.verdict(id, false);
  await world.chain.blocks(CHECK_BLOCKS);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.passed, judge: JUDGE.chain });
  const worker = await world.chain.view(TEE, "workerOf", [verifier]);
  assert.deepEqual([worker.isActive, worker.falseVerdicts], [false, 1n]);
  const resume = world.chain.send(TEE, "resume", [], { from: verifier });
  await assert.rejects(resume, refused("PAYMENT_SHORT"), "a slashed worker is short of its bond");
});

test("attack: a worker vouches for a proof that does not hold, and the beacon looks", async () => {
  const scene = await createScene(ALWAYS_RECHECKED);
  const { world, id, miner } = scene;
  const tee = await taggerOf(scene);
  const proof: Hex = `0x${"07".repeat(PROOF_BYTES)}`;
  await world.chain.send(AUDIT, "submitProof", [id, [{ tee, proof }]], { from: miner });
  const { verifier } = await world.chain.view(AUDIT, "challengeOf", [id]);
  await world.verdict(id, true);
  await world.chain.blocks(CHECK_BLOCKS);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.failed, judge: JUDGE.chain });
  assert.equal((await world.chain.view(TEE, "workerOf", [verifier])).isActive, false);
});

test("attack: a worker looks whether its verdict will be checked before it stands by it", async () => {
  const scene = await createScene(NEVER_RECHECKED);
  const { world, id, miner } = scene;
  const tee = await taggerOf(scene);
  const proof: Hex = `0x${"07".repeat(PROOF_BYTES)}`;
  await world.chain.send(AUDIT, "submitProof", [id, [{ tee, proof }]], { from: miner });
  await world.verdict(id, true);
  const { state } = await world.chain.view(AUDIT, "challengeOf", [id]);
  assert.equal(state, CHALLENGE_STATE.proven, "the block of the verdict does not tell");
  const change = ["verdictRecheckOneIn", 1n] as const;
  await world.chain.send(PARAMS, "change", change, { from: TIMELOCK.account });
  await world.chain.blocks(CHECK_BLOCKS);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.failed, judge: JUDGE.chain });
});

test("an honest verdict that a proof fails costs the worker nothing", async () => {
  const scene = await createScene();
  const { world, id, miner } = scene;
  const tee = await taggerOf(scene);
  const proof: Hex = `0x${"07".repeat(PROOF_BYTES)}`;
  await world.chain.send(AUDIT, "submitProof", [id, [{ tee, proof }]], { from: miner });
  await world.verdict(id, false);
  await world.chain.blocks(CHECK_BLOCKS);
  assert.deepEqual(await endOf(scene), { state: CHALLENGE_STATE.failed, judge: JUDGE.chain });
  const { verifier } = await world.chain.view(AUDIT, "challengeOf", [id]);
  assert.equal((await world.chain.view(TEE, "workerOf", [verifier])).isActive, true);
});

test("too many failures in a row freeze a miner, and everything it holds is restored", async () => {
  const scene = await createScene({ auditFailuresMax: 1n });
  const { world, miner } = scene;
  const fid = await world.declare("untagged");
  await world.chain.blocks(world.chain.spec.proofBlocks + 3);
  const frozen = await minerOf(scene);
  assert.deepEqual([frozen.state, frozen.usedBytes], [MINER_STATE.frozen, 0n]);
  const order = await world.chain.view(FILES, "orderOf", [fid, SEGMENT_ALL, 0]);
  assert.equal(order.origin.toLowerCase(), miner);
  const thaw = (value: bigint) => world.chain.send(MINERS, "thaw", [], { from: miner, value });
  await assert.rejects(thaw(0n), refused("PAYMENT_SHORT"));
  await thaw(frozen.stakeWei);
  assert.equal((await minerOf(scene)).state, MINER_STATE.active);
});

test("when all miners fail at once, a block closes a few and the next ones the rest", async () => {
  const world = await World.create({ spec: { challengePeriodBlocks: 1 } });
  const { chain } = world;
  await world.tag(await world.declare("a"));
  await chain.blocks();
  chain.events = [];
  await chain.blocks(chain.spec.proofBlocks + 1);
  const closed = () => {
    return chain.decoded(AUDIT).filter(({ eventName }) => eventName === "ChallengeClosed").length;
  };
  const ends: number[] = [];
  for (let block = 0; block < 3; block += 1) {
    ends.push(closed());
    await chain.blocks();
  }
  assert.deepEqual(ends, [4, 8, 12]);
});

test("a challenge is drawn about once a period, and closed ones are forgotten", async () => {
  const world = await World.create({ spec: { proofBlocks: 2, verdictBlocks: 2 } });
  await world.tag(await world.declare("a"));
  const blocks = 300;
  for (let block = 0; block < blocks; block += 1) {
    await world.chain.blocks();
    const [listed] = await world.chain.view(AUDIT, "listChallenges", [0n, 100n]);
    const open = listed.filter((challenge) => challenge.state === CHALLENGE_STATE.open);
    for (const { id } of open) await world.prove(id);
  }
  const opened = world.chain
    .decoded(AUDIT)
    .filter(({ eventName }) => eventName === "ChallengeOpened");
  const expected = (12 * blocks) / world.chain.spec.challengePeriodBlocks;
  assert(opened.length > expected * 0.6 && opened.length < expected * 1.4, `${opened.length}`);
  const [, kept] = await world.chain.view(AUDIT, "listChallenges", [0n, 100n]);
  assert(kept < BigInt(opened.length) / 2n, `${kept} of ${opened.length} are kept`);
});
