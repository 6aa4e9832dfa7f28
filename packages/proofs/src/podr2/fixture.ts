/**
 * A small world for tests: one worker, one miner, fragments of few and short blocks.
 * @module
 */
import { createHash } from "node:crypto";
import type { Random } from "@cess/runtime/random";
import { utf8ToBytes } from "@cess/std/bytes";
import type { BlockName, FragmentName } from "./block-name.ts";
import type { Challenge } from "./challenge.ts";
import { TAG_BYTES } from "./codec.ts";
import { initPodr2WithSectors, type Podr2 } from "./podr2.ts";
import type { ReadBlock } from "./prover.ts";
import type { TagPublicKey, TagSecretKey } from "./tag-key.ts";

/** Sectors of a block, so that a test takes milliseconds. */
export const TEST_SECTORS: number = 8;
export const TEST_BLOCK_BYTES: number = TEST_SECTORS * 31;

export interface StoredFragment {
  readonly name: FragmentName;
  readonly bytes: Uint8Array;
  readonly tags: Uint8Array;
}

export interface World {
  readonly podr2: Podr2;
  readonly secret: TagSecretKey;
  readonly key: TagPublicKey;
  /** Tags `bytes` as the column of a file that is told by its label. */
  store(label: string, bytes: Uint8Array): StoredFragment;
  prove(challenge: Challenge, ...fragments: readonly StoredFragment[]): Promise<Uint8Array>;
}

export async function createWorld(label = "world"): Promise<World> {
  const podr2 = await initPodr2WithSectors(TEST_SECTORS);
  const secret = podr2.createSecretKey(createTestRandom(label));
  const key = podr2.toPublicKey(secret);
  const tagger = podr2.createTagger(secret);
  const prover = podr2.createProver(key);
  return {
    podr2,
    secret,
    key,
    store(fileLabel, bytes) {
      const name = { fid: hash(fileLabel), segmentIndex: 1, column: 2 };
      return { name, bytes, tags: tagger.tag(name, bytes) };
    },
    prove: (challenge, ...fragments) => prover.prove(challenge, readFrom(fragments)),
  };
}

/** Reads a block as a miner that keeps `fragments` in memory. */
export function readFrom(
  fragments: readonly StoredFragment[],
  blockBytes: number = TEST_BLOCK_BYTES,
): ReadBlock {
  const byFile = new Map(fragments.map((item) => [item.name.fid.toString(), item]));
  return async ({ fid, blockIndex }) => {
    const { bytes, tags } = byFile.get(fid.toString()) as StoredFragment;
    return {
      bytes: bytes.subarray(blockIndex * blockBytes, (blockIndex + 1) * blockBytes),
      tag: tags.subarray(blockIndex * TAG_BYTES, (blockIndex + 1) * TAG_BYTES),
    };
  };
}

/** The challenge to blocks of one fragment. */
export function challengeBlocks(
  seedLabel: string,
  name: FragmentName,
  blockIndexes: readonly number[],
): Challenge {
  const samples: BlockName[] = blockIndexes.map((blockIndex) => ({ ...name, blockIndex }));
  return { seed: hash(seedLabel), samples };
}

/** Bytes that look random and are the same in each run. */
export function testBytes(label: string, sizeBytes: number): Uint8Array {
  const shake = createHash("shake256", { outputLength: sizeBytes });
  return new Uint8Array(shake.update(utf8ToBytes(label)).digest());
}

export function createTestRandom(label: string): Random {
  let count = 0;
  const bytes = (sizeBytes: number) => {
    count += 1;
    return testBytes(`${label}/${count}`, sizeBytes);
  };
  return { bytes, below: (bound) => Buffer.from(bytes(4)).readUInt32BE() % bound };
}

export function hash(label: string): Uint8Array {
  return testBytes(label, 32);
}
