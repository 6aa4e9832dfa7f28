import { type FileHandle, open, rm } from "node:fs/promises";
import { hashLeaf } from "@cess/crypto/merkle";
import { FragmentHasher, type HashedFragment } from "@cess/erasure/fragment-hasher";
import { LEAF_BYTES, PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import { bytesToHex, concatBytes, equalBytes, type Hex } from "@cess/std/bytes";
import { type ByteRange, leafCountOf } from "@cess/storage-wire/range";
import { StorageNodeError } from "./error.ts";
import type { FragmentFiles } from "./fragment-files.ts";
import type { FragmentRecord, Ledger } from "./ledger.ts";
import type { NodeMetrics } from "./metrics.ts";
import { PIECE_STATE, type Piece } from "./piece.ts";
import { Turns } from "./turns.ts";

/** A full segment of the profile with the fewest data columns. */
export const FRAGMENT_BYTES_MAX: number =
  SEGMENT_BYTES_MAX / Math.min(...Object.values(PROFILES).map((profile) => profile.dataCount));
/** Fragments of one leaf, which the ledger keeps; larger ones are files. */
const SMALL_BYTES_MAX = LEAF_BYTES;
/** Bytes that are read, checked and sent at a time. */
const RUN_BYTES = 16 * LEAF_BYTES;
/** Chunks of a body that are written with one call. */
const WRITE_BYTES = 1024 * 1024;
/** How long a look at the free disk space is believed. */
const DISK_LOOK_MS = 1000;

export interface FragmentStoreDeps {
  readonly files: FragmentFiles;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly counts: Pick<NodeMetrics, "receivedBytes" | "lostFragments">;
}

export interface FragmentStoreOptions {
  /** Most bytes of all fragments together: the space that was declared on chain. */
  readonly capacityBytes: number;
  /** Space of the disk that stays free. */
  readonly reserveBytes: number;
}

export interface WrittenFragment {
  readonly id: Hex;
  readonly sizeBytes: number;
}

export interface WriteOptions {
  readonly sender: Hex;
  readonly sizeBytesMax: number;
  /** The only fragment that is wanted. */
  readonly expected?: ExpectedFragment;
}

export interface ExpectedFragment extends WrittenFragment {
  /** Within the change of the ledger that records the fragment. */
  readonly recordPieces: () => void;
}

interface RecordOptions {
  /** Of a small fragment. */
  readonly bytes: Uint8Array | undefined;
  readonly recordPieces: (() => void) | undefined;
}

/** Keeps fragments, and gives back only bytes that it has checked against their ids. */
export class FragmentStore {
  readonly #deps: FragmentStoreDeps;
  readonly #options: FragmentStoreOptions;
  /** A fragment is stored and dropped by one at a time. */
  readonly #turns = new Turns<Hex>();
  #usedBytes = 0;
  #count = 0;
  #diskFreeBytes = 0;
  #diskLookedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: FragmentStoreDeps, options: FragmentStoreOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Space for further fragments, as declared and as the disk has it. */
  async freeBytes(): Promise<number> {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#diskLookedMs > DISK_LOOK_MS) {
      this.#diskFreeBytes = await this.#deps.files.diskFreeBytes();
      this.#diskLookedMs = nowMs;
    }
    const { capacityBytes, reserveBytes } = this.#options;
    return Math.max(
      0,
      Math.min(capacityBytes - this.#usedBytes, this.#diskFreeBytes - reserveBytes),
    );
  }

  async open(): Promise<void> {
    await this.#deps.files.open();
    const { count, sizeBytes } = this.#deps.ledger.sumFragments();
    this.#count = count;
    this.#usedBytes = sizeBytes;
  }

  info(id: Hex): FragmentRecord | undefined {
    return this.#deps.ledger.fragment(id);
  }

  /**
   * Takes a fragment in and finds its id on the way. Nothing is durable yet.
   *
   * @throws {@link StorageNodeError} `FRAGMENT_TOO_LARGE`, `FRAGMENT_EMPTY`, `DISK_FULL`,
   *   `FRAGMENT_OTHER`; what the body throws. Then nothing was taken in.
   */
  async write(
    body: AsyncIterable<Uint8Array>,
    { sender, sizeBytesMax, expected }: WriteOptions,
  ): Promise<WrittenFragment> {
    const free = await this.freeBytes();
    if (free === 0) throw new StorageNodeError({ code: "DISK_FULL", needBytes: 1, freeBytes: 0 });
    const temporary = this.#deps.files.temporaryPath();
    try {
      const limits = { sizeBytesMax, freeBytes: free };
      const { hashed, bytes } = await takeIn(body, temporary, limits);
      const { fragmentId, leafHashes, sizeBytes } = hashed;
      const id = bytesToHex(fragmentId);
      const isOther = expected?.id !== id || expected.sizeBytes !== sizeBytes;
      if (expected !== undefined && isOther) {
        throw new StorageNodeError({ code: "FRAGMENT_OTHER", fragmentId: id });
      }
      await this.#turns.run(id, async () => {
        if (bytes === undefined) await this.#deps.files.moveToFragment(temporary, id);
        const record = { sizeBytes: BigInt(sizeBytes), sender, leafHashes };
        await this.#record(id, record, { bytes, recordPieces: expected?.recordPieces });
      });
      this.#deps.counts.receivedBytes.inc({}, sizeBytes);
      return { id, sizeBytes };
    } catch (cause) {
      await rm(temporary, { force: true });
      throw cause;
    }
  }

  /**
   * The bytes of `range`, run by run, each checked before it is given away.
   *
   * @param range - Of whole leaves.
   * @throws {@link StorageNodeError} `FRAGMENT_NOT_FOUND`; `FRAGMENT_LOST` where bytes are wrong,
   *   after which the fragment is gone and its pieces are marked lost.
   */
  async *read(id: Hex, range: ByteRange): AsyncGenerator<Uint8Array> {
    const record = this.info(id);
    if (record === undefined) {
      throw new StorageNodeError({ code: "FRAGMENT_NOT_FOUND", fragmentId: id });
    }
    if (isSmall(Number(record.sizeBytes))) {
      const bytes = this.#deps.ledger.bytesOf(id);
      if (bytes === undefined || !areLeaves(bytes, record.leafHashes)) throw await this.#lose(id);
      yield bytes;
      return;
    }
    const file = await openExisting(this.#deps.files.fragmentPath(id));
    if (file === undefined) throw await this.#lose(id);
    try {
      for (let first = range.first; first <= range.last; first += RUN_BYTES) {
        const run = { first, last: Math.min(first + RUN_BYTES - 1, range.last) };
        const bytes = await readRun(file, run, record.leafHashes);
        if (bytes === undefined) throw await this.#lose(id);
        yield bytes;
      }
    } finally {
      await file.close();
    }
  }

  /** A whole fragment, checked. Throws as {@link read} does. */
  async readAll(id: Hex): Promise<Uint8Array> {
    const sizeBytes = Number(this.info(id)?.sizeBytes ?? 0);
    const whole = new Uint8Array(sizeBytes);
    let offset = 0;
    for await (const run of this.read(id, { first: 0, last: Math.max(0, sizeBytes - 1) })) {
      whole.set(run, offset);
      offset += run.length;
    }
    return whole;
  }

  /** Reads and checks, and throws as {@link read} does. */
  async verify(id: Hex, range?: ByteRange): Promise<void> {
    const last = Number(this.info(id)?.sizeBytes ?? 1) - 1;
    // What is read is of no use here; that it could be read is.
    for await (const _ of this.read(id, range ?? { first: 0, last }));
  }

  /**
   * Makes those fragments that are files outlive a loss of power; the others do with the next flush
   * of the ledger.
   */
  async syncFiles(ids: readonly Hex[]): Promise<void> {
    const large = ids.filter((id) => !isSmall(Number(this.info(id)?.sizeBytes ?? 0)));
    await this.#deps.files.syncFragments(large);
  }

  /** Drops a fragment that no piece needs; false if one does. */
  async remove(id: Hex): Promise<boolean> {
    const { ledger } = this.#deps;
    return await this.#forget(id, () => !ledger.isNeeded(id));
  }

  async #record(
    id: Hex,
    record: Omit<FragmentRecord, "storedMs">,
    { bytes, recordPieces }: RecordOptions,
  ): Promise<void> {
    const { ledger, clock } = this.#deps;
    const storedMs = BigInt(Math.floor(clock.wallMs()));
    await ledger.change(() => {
      const isNew = ledger.fragment(id) === undefined;
      if (isNew) this.#count += 1;
      if (isNew) this.#usedBytes += Number(record.sizeBytes);
      ledger.putFragment(id, { ...record, storedMs });
      if (bytes !== undefined) ledger.putBytes(id, bytes);
      recordPieces?.();
    });
  }

  /** Drops record and file, if `decide` says so within the same transaction. */
  async #forget(id: Hex, decide: () => boolean): Promise<boolean> {
    const { ledger, files } = this.#deps;
    return await this.#turns.run(id, async () => {
      let forgottenBytes = 0;
      await ledger.change(() => {
        const record = ledger.fragment(id);
        if (record === undefined || !decide()) return;
        this.#count -= 1;
        this.#usedBytes -= Number(record.sizeBytes);
        ledger.dropFragment(id);
        forgottenBytes = Number(record.sizeBytes);
      });
      if (!isSmall(forgottenBytes)) await files.removeFragment(id);
      return forgottenBytes > 0;
    });
  }

  /** From here on nothing of the fragment is served, and the chain will be told. */
  async #lose(id: Hex): Promise<StorageNodeError> {
    const { ledger } = this.#deps;
    await this.#forget(id, () => {
      for (const piece of ledger.piecesOfFragment(id)) {
        ledger.putPiece({ ...piece, state: stateOnceLost(piece) });
      }
      return true;
    });
    this.#deps.counts.lostFragments.inc();
    return new StorageNodeError({ code: "FRAGMENT_LOST", fragmentId: id });
  }
}

/** Whether the ledger keeps a fragment of this size and its tags; files do otherwise. */
export function isSmall(sizeBytes: number): boolean {
  return sizeBytes <= SMALL_BYTES_MAX;
}

/** What the chain cannot be counting on is simply gone; a claim may be declared at any moment. */
function stateOnceLost(piece: Piece): number {
  const { restoring, closed, released, lost } = PIECE_STATE;
  const isCountedOn = ![restoring, closed, released].some((state) => state === piece.state);
  return isCountedOn ? lost : closed;
}

/** @returns undefined if the run is not there, or not what the leaf hashes say. */
async function readRun(
  file: FileHandle,
  run: ByteRange,
  leafHashes: readonly Uint8Array[],
): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafe(run.last - run.first + 1);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, run.first);
  if (bytesRead < bytes.length) return undefined;
  return areLeaves(bytes, leafHashes.slice(run.first / LEAF_BYTES)) ? bytes : undefined;
}

/** Whether `bytes` are whole leaves that begin those of `leafHashes`. */
function areLeaves(bytes: Uint8Array, leafHashes: readonly Uint8Array[]): boolean {
  for (let index = 0; index < leafCountOf(bytes.length); index += 1) {
    const leaf = bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES);
    const expected = leafHashes[index];
    if (expected === undefined || !equalBytes(hashLeaf(leaf), expected)) return false;
  }
  return true;
}

/** Hashes a body while it passes. A small one is given back, any other is in a new file at `path`. */
async function takeIn(
  body: AsyncIterable<Uint8Array>,
  path: string,
  limits: { readonly sizeBytesMax: number; readonly freeBytes: number },
): Promise<{ readonly hashed: HashedFragment; readonly bytes: Uint8Array | undefined }> {
  const hasher = new FragmentHasher();
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let file: FileHandle | undefined;
  const flush = async (): Promise<void> => {
    file ??= await open(path, "wx");
    if (pendingBytes > 0) await file.writev(pending);
    pending = [];
    pendingBytes = 0;
  };
  try {
    for await (const chunk of body) {
      hasher.push(chunk);
      checkSize(hasher.sizeBytes, limits);
      pending.push(chunk);
      pendingBytes += chunk.length;
      if (pendingBytes >= WRITE_BYTES) await flush();
    }
    if (hasher.sizeBytes === 0) throw new StorageNodeError({ code: "FRAGMENT_EMPTY" });
    const isKept = isSmall(hasher.sizeBytes);
    const bytes = isKept ? concatBytes(...pending) : undefined;
    if (!isKept) await flush();
    return { hashed: hasher.finish(), bytes };
  } finally {
    await file?.close();
  }
}

function checkSize(
  sizeBytes: number,
  { sizeBytesMax, freeBytes }: { readonly sizeBytesMax: number; readonly freeBytes: number },
): void {
  if (sizeBytes > sizeBytesMax) {
    throw new StorageNodeError({ code: "FRAGMENT_TOO_LARGE", sizeBytesMax });
  }
  if (sizeBytes > freeBytes) {
    throw new StorageNodeError({ code: "DISK_FULL", needBytes: sizeBytes, freeBytes });
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    return undefined;
  }
}
