/**
 * Tagging by size, and proving and checking by what is held: the last two must not grow with it.
 *
 * What is held lies in one file of 64 MiB that stands for as many fragments as needed, so that a
 * GiB takes no GiB of disk: each fragment has its own name and tag, and only the bytes repeat.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_BYTES, CHALLENGE_SAMPLES } from "@cess/params/podr2";
import { bench } from "@cess/std/bench";
import { MIB } from "@cess/std/units";
import { type BlockName, blockKey, countBlocks, type FragmentName } from "./block-name.ts";
import { type Challenge, samplePositions } from "./challenge.ts";
import { createTestRandom, hash, testBytes } from "./fixture.ts";
import { initPodr2 } from "./podr2.ts";
import type { ReadBlock } from "./prover.ts";

const FILE_BYTES = 64 * MIB;
const HELD_MIB = [64, 1024] as const;
const name = { fid: hash("bench"), segmentIndex: 0, column: 0 };
const podr2 = await initPodr2();
const secret = podr2.createSecretKey(createTestRandom("bench"));
const key = podr2.toPublicKey(secret);
const tagger = podr2.createTagger(secret);
const prover = podr2.createProver(key);

await bench("podr2::tag", { mib: [1, 8] }, ({ sizes }) => {
  const bytes = testBytes("tag", sizes.mib * MIB);
  return { bytes: bytes.length, body: () => tagger.tag(name, bytes) };
});

const directory = await mkdtemp(join(tmpdir(), "cess-podr2-bench-"));
try {
  await using file = await open(join(directory, "fragments"), "w+");
  await file.write(testBytes("held", FILE_BYTES));
  for (const mib of HELD_MIB) {
    const challenge = challengeHeld(mib * MIB);
    const readBlock = await readTagged(challenge, async (offset) => {
      const into = new Uint8Array(BLOCK_BYTES);
      await file.read(into, 0, BLOCK_BYTES, offset % (FILE_BYTES - BLOCK_BYTES));
      return into;
    });
    const proof = await prover.prove(challenge, readBlock);
    const sizes = { heldMib: [mib, mib], samples: [CHALLENGE_SAMPLES, CHALLENGE_SAMPLES] } as const;
    await bench("podr2::prove", sizes, () => ({ body: () => prover.prove(challenge, readBlock) }));
    await bench("podr2::check", sizes, () => ({
      body: () => Uint8Array.of(Number(podr2.check({ key, challenge, proof }))),
    }));
  }
} finally {
  await rm(directory, { recursive: true });
}

await bench("podr2::check_key", { points: [4096, 4096] }, () => ({
  body: () => Uint8Array.of(Number(podr2.isKeyConsistent(key))),
}));

/** A challenge to all that is held, in fragments of one block each. */
function challengeHeld(heldBytes: number): Challenge {
  const totalBlocks = countBlocks(heldBytes);
  const seed = hash(`held ${heldBytes}`);
  const positions = samplePositions(seed, { totalBlocks, count: CHALLENGE_SAMPLES });
  return { seed, samples: positions.map((position) => ({ ...nameAt(position), blockIndex: 0 })) };
}

function nameAt(position: number): FragmentName {
  return { ...name, segmentIndex: position >> 4, column: position & 15 };
}

/** Tags what a challenge asks for beforehand, and reads the blocks when they are asked for. */
async function readTagged(
  challenge: Challenge,
  readAt: (offset: number) => Promise<Uint8Array>,
): Promise<ReadBlock> {
  const read = ({ segmentIndex, column }: BlockName) =>
    readAt(((segmentIndex << 4) | column) * BLOCK_BYTES);
  const tags = new Map<string, Uint8Array>();
  for (const block of challenge.samples) {
    tags.set(blockKey(block), tagger.tag(block, await read(block)));
  }
  return async (block) => ({
    bytes: await read(block),
    tag: tags.get(blockKey(block)) as Uint8Array,
  });
}
