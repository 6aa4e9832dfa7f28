import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type BlockName, blockKey } from "@cess/proofs/podr2/block-name";
import { keySeed } from "@cess/proofs/podr2/challenge";
import { initPodr2WithSectors, type Podr2 } from "@cess/proofs/podr2/podr2";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { createProofVerifier } from "./proof-verifier.ts";
import { CHALLENGE_STATE } from "./states.ts";
import { refused } from "./testing/refused.ts";
import { AUDIT, FILES, type TEEActor, teeActor, World } from "./testing/world.ts";

const SECTORS = 8;
const BLOCK_BYTES = SECTORS * 31;

/** A worker with a real key, and a miner's proof over blocks whose contents their names tell. */
function createTagging(podr2: Podr2, label: string) {
  const secret = podr2.createSecretKey({ bytes: (size) => bytesOf(label, size), below: () => 0 });
  const key = podr2.toPublicKey(secret);
  const tagger = podr2.createTagger(secret);
  const prover = podr2.createProver(key);
  const tee: TEEActor = {
    ...teeActor(0),
    tagKey: podr2.encodeVerifierKey(key),
    tagKeyHash: podr2.keyHash(key),
  };
  async function prove(world: World, id: bigint, lost = -1): Promise<Hex> {
    const { seed } = await world.chain.view(AUDIT, "challengeOf", [id]);
    const samples = (await world.chain.view(AUDIT, "samplesOf", [id])).map((sample) => ({
      fid: hexToBytes(sample.fid),
      segmentIndex: sample.segment,
      column: sample.column,
      blockIndex: sample.blockIndex,
    }));
    const read = async (name: BlockName) => {
      const bytes = bytesOf(blockKey(name), BLOCK_BYTES);
      const before = bytesOf("", BLOCK_BYTES * name.blockIndex);
      const tags = tagger.tag(name, Buffer.concat([before, bytes]));
      if (name.blockIndex === lost) bytes[0] = (bytes[0] as number) ^ 1;
      return { bytes, tag: tags.subarray(48 * name.blockIndex) };
    };
    const challenge = { seed: keySeed(hexToBytes(seed), tee.tagKeyHash), samples };
    return bytesToHex(await prover.prove(challenge, read));
  }
  return { tee, prove };
}

async function createScene() {
  const podr2 = await initPodr2WithSectors(SECTORS);
  const { tee, prove } = createTagging(podr2, "worker");
  const world = await World.create({ tees: [tee], proofVerifier: createProofVerifier(podr2) });
  const fid = await world.declare("a", { sizeBytes: 2 ** 20 });
  const miner = world.miners[4]?.account as Hex;
  const report = world.report(tee, miner, [{ fid, segment: 0xffff, column: 4 }]);
  await world.chain.send(FILES, "reportTags", [report], { from: miner });
  const id = await world.untilChallenged(miner);
  const submit = (proof: Hex) => {
    const args = [id, [{ tee: tee.account, proof }]] as const;
    return world.chain.send(AUDIT, "submitProof", args, { from: miner });
  };
  const end = async () => {
    await world.chain.blocks(world.chain.spec.proofBlocks + world.chain.spec.verdictBlocks + 2);
    return (await world.chain.view(AUDIT, "challengeOf", [id])).state;
  };
  return { podr2, world, id, prove, submit, end };
}

test("the chain checks a real proof of retrievability itself", async () => {
  const { world, id, prove, submit, end } = await createScene();
  await submit(await prove(world, id));
  assert.equal(await world.chain.view(AUDIT, "checkProof", [id]), true);
  assert.equal(await end(), CHALLENGE_STATE.passed);
});

test("attack: one bit of one sampled block is lost", async () => {
  const { world, id, prove, submit, end } = await createScene();
  await submit(await prove(world, id, 1));
  assert.equal(await world.chain.view(AUDIT, "checkProof", [id]), false);
  assert.equal(await end(), CHALLENGE_STATE.failed);
});

test("attack: tags of another worker, bytes that are no proof", async () => {
  const { podr2, world, id, submit, end } = await createScene();
  const other = createTagging(podr2, "other worker");
  await assert.rejects(submit("0x00"), refused("PROOF_INVALID"));
  await submit(await other.prove(world, id));
  assert.equal(await end(), CHALLENGE_STATE.failed);
});

test("attack: bytes that are no tag key", async () => {
  const verifier = createProofVerifier(await initPodr2WithSectors(SECTORS));
  assert.equal(verifier.isTagKey(new Uint8Array(192)), false);
  assert.equal(verifier.isTagKey(new Uint8Array(191).fill(7)), false);
});

function bytesOf(label: string, sizeBytes: number): Uint8Array<ArrayBuffer> {
  if (sizeBytes === 0) return new Uint8Array();
  const shake = createHash("shake256", { outputLength: sizeBytes });
  return new Uint8Array(shake.update(label).digest());
}
