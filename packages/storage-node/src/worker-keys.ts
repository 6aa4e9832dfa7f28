import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Directory, Worker } from "@cess/chain-client/directory";
import { TAG_VERIFIER_KEY_BYTES } from "@cess/proofs/podr2/tag-key";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { StorageNodeError } from "./error.ts";
import type { TEEClient } from "./tee-client.ts";

export interface WorkerKeysDeps {
  readonly directory: Directory;
  readonly pool: Podr2Pool;
  readonly tee: TEEClient;
  readonly folder: string;
}

/** The generator of G₁, compressed: the first of a key's points, which its encoding leaves out. */
const G1_GENERATOR = hexToBytes(
  "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
);

/**
 * Public tag keys of workers, kept on disk: a proof must not depend on the worker that made the
 * tags, nor on whether it still runs.
 */
export class WorkerKeys {
  readonly #deps: WorkerKeysDeps;
  /** As many as workers are registered. */
  readonly #keys = new Map<Hex, Promise<Uint8Array>>();

  constructor(deps: WorkerKeysDeps) {
    this.#deps = deps;
  }

  /**
   * The encoded key that `account` registered, checked once to be one that proofs can be made with.
   *
   * @throws {@link StorageNodeError} `NO_WORKER`, `WORKER_FAILED`.
   */
  async of(account: Hex): Promise<Uint8Array> {
    const worker = this.#deps.directory.workerOf(account);
    if (worker === undefined) throw new StorageNodeError({ code: "NO_WORKER" });
    const known = this.#keys.get(worker.tagKeyHash);
    if (known !== undefined) return await known;
    const loading = this.#load(worker);
    this.#keys.set(worker.tagKeyHash, loading);
    try {
      return await loading;
    } catch (cause) {
      this.#keys.delete(worker.tagKeyHash);
      throw cause;
    }
  }

  async #load(worker: Worker): Promise<Uint8Array> {
    const path = join(this.#deps.folder, `${worker.tagKeyHash.slice(2)}.key`);
    const stored = await readExisting(path);
    if (stored !== undefined && encodedKeyHash(stored) === worker.tagKeyHash) return stored;
    const key = await this.#deps.tee.tagKey(worker);
    const isSound =
      encodedKeyHash(key) === worker.tagKeyHash && (await isConsistent(this.#deps.pool, key));
    if (!isSound) {
      const reason = "its tag key is not the one it registered, or not consistent";
      throw new StorageNodeError({ code: "WORKER_FAILED", worker: worker.account, reason });
    }
    await writeFile(`${path}.new`, key);
    await rename(`${path}.new`, path);
    return key;
  }
}

/** PERF: a check takes two seconds, and the nodes of one process meet the same few keys. */
const checksByPool = new WeakMap<Podr2Pool, Map<Hex, Promise<boolean>>>();

function isConsistent(pool: Podr2Pool, publicKey: Uint8Array): Promise<boolean> {
  const checks = checksByPool.get(pool) ?? new Map<Hex, Promise<boolean>>();
  checksByPool.set(pool, checks);
  const hash = encodedKeyHash(publicKey);
  const known = checks.get(hash);
  if (known !== undefined) return known;
  const check = pool.checkKey({ publicKey });
  checks.set(hash, check);
  // What kept the check from being made, such as a full queue, may be over next time.
  check.catch(() => checks.delete(hash));
  return check;
}

/** The hash of a tag key, from its encoding. */
export function encodedKeyHash(encoded: Uint8Array): Hex {
  const hash = createHash("sha256").update("cess/podr2/key/v1");
  hash.update(encoded.subarray(0, TAG_VERIFIER_KEY_BYTES)).update(G1_GENERATOR);
  return bytesToHex(hash.update(encoded.subarray(TAG_VERIFIER_KEY_BYTES)).digest());
}

async function readExisting(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    return undefined;
  }
}
