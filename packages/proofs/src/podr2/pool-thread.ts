/**
 * One thread of a pool: does one task after another, and keeps the keys it has unpacked.
 * @module
 */
import { createHash } from "node:crypto";
import { BoundedMap } from "@cess/std/bounded-map";
import { serveTasks } from "../thread-server.ts";
import { blockKey } from "./block-name.ts";
import { readBlockFiles } from "./fragment-files.ts";
import { initPodr2 } from "./podr2.ts";
import type { PoolTask, ProveTask, TagTask } from "./pool-task.ts";
import type { Prover } from "./prover.ts";
import { decodeTagSecretKey } from "./tag-key.ts";
import type { Tagger } from "./tagger.ts";

/** About 1 MiB each. */
const KEYS_MAX = 8;

const podr2 = await initPodr2();
const taggers = new BoundedMap<string, Tagger>(KEYS_MAX);
const provers = new BoundedMap<string, Prover>(KEYS_MAX);

serveTasks(perform);

async function perform(task: PoolTask): Promise<Uint8Array | boolean> {
  switch (task.kind) {
    case "tag":
      return taggerFor(task).tag(task.fragment, task.bytes);
    case "prove":
      return prove(task);
    case "check":
      return podr2.check({
        key: podr2.decodeVerifierKey(task.verifierKey),
        challenge: task,
        proof: task.proof,
      });
    case "checkKey":
      return podr2.isKeyConsistent(podr2.decodePublicKey(task.publicKey));
  }
}

function prove(task: ProveTask): Promise<Uint8Array> {
  const samples = new Map(task.samples.map((sample) => [blockKey(sample), sample]));
  return proverFor(task).prove(task, async (block) => {
    const { stored } = samples.get(blockKey(block)) as ProveTask["samples"][number];
    return "path" in stored ? await readBlockFiles(stored, block.blockIndex) : stored;
  });
}

function taggerFor({ secretKey }: TagTask): Tagger {
  const make = () => podr2.createTagger(decodeTagSecretKey(secretKey));
  return remember(taggers, secretKey, make);
}

function proverFor({ publicKey }: ProveTask): Prover {
  return remember(provers, publicKey, () => podr2.createProver(podr2.decodePublicKey(publicKey)));
}

function remember<T>(kept: BoundedMap<string, T>, key: Uint8Array, make: () => T): T {
  const name = createHash("sha256").update(key).digest("hex");
  const value = kept.get(name) ?? make();
  kept.set(name, value);
  return value;
}
