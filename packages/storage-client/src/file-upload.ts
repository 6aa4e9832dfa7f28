import { createErasureCode } from "@cess/erasure/reed-solomon";
import { type EncodedSegment, SegmentEncoder, type Stripe } from "@cess/erasure/segment-encoder";
import { acknowledgeCount, columnCount, LEAF_BYTES, type Profile } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { awaitMost } from "./await-most.ts";
import { type CodedFile, createCodedFile } from "./coded-file.ts";
import { StorageClientError } from "./error.ts";
import { FragmentUpload } from "./fragment-upload.ts";
import type { NodeClient } from "./node-client.ts";
import type { StorageMiner } from "./placement.ts";
import { collectReceipts, countMiners, type SignedPlacement } from "./receipt-rounds.ts";

export interface FileUploadDeps {
  readonly nodes: NodeClient;
  readonly clock: Clock;
  readonly chainId: number;
  /** Up to `count` miners that are none of `exclude`. */
  readonly choose: (count: number, exclude: ReadonlySet<Hex>) => StorageMiner[];
  /** Until when receipts that are taken now shall be good. */
  readonly expiryBlock: () => Promise<bigint>;
}

export interface FileUploadOptions {
  readonly territory: Hex;
  readonly profile: Profile;
  readonly signal: AbortSignal;
}

export interface UploadedFile extends SignedPlacement {
  readonly file: CodedFile;
}

/** What one column has come to. */
interface Column {
  miner: StorageMiner | undefined;
  /** Segments whose fragment the miner does not hold yet. */
  missing: number[];
}

/** A node that is behind the others for this long is replaced while the upload goes on. */
const STALL_MS = 2_500;
/** Longest silence of a node that takes over a column. */
const HEAL_SILENCE_MS = 10_000;
/** Longest wait for any progress at all. */
const PATIENCE_MS = 60_000;

/**
 * Streams a file to one miner a column, and takes their receipts.
 *
 * A miner that fails or stalls is replaced at once; what it had is rebuilt from the other columns
 * and sent to its replacement before the receipts are taken.
 *
 * @throws {@link StorageClientError} `TOO_FEW_NODES`
 */
export async function uploadFile(
  deps: FileUploadDeps,
  body: AsyncIterable<Uint8Array>,
  options: FileUploadOptions,
): Promise<UploadedFile> {
  const upload = new FileUpload(deps, options);
  try {
    for await (const bytes of body) await upload.write(bytes);
    return await upload.finish();
  } catch (cause) {
    upload.cancel();
    throw cause;
  }
}

/** PERF: one allocation a stripe; the collector counts buffers, not bytes. */
function copyTogether(shards: readonly Uint8Array[]): Uint8Array[] {
  const unitBytes = shards[0]?.length ?? 0;
  const slab = Buffer.allocUnsafeSlow(unitBytes * shards.length);
  return shards.map((shard, column) => {
    slab.set(shard, column * unitBytes);
    return slab.subarray(column * unitBytes, (column + 1) * unitBytes);
  });
}

class FileUpload {
  readonly #deps: FileUploadDeps;
  readonly #options: FileUploadOptions;
  readonly #encoder: SegmentEncoder;
  readonly #columns: Column[];
  readonly #used: Set<Hex>;
  readonly #segments: EncodedSegment[] = [];
  #uploads: (FragmentUpload | undefined)[] | undefined;
  #hasBytes = false;

  constructor(deps: FileUploadDeps, options: FileUploadOptions) {
    const count = columnCount(options.profile);
    const miners = deps.choose(count, new Set());
    this.#deps = deps;
    this.#options = options;
    this.#encoder = new SegmentEncoder(options.profile);
    this.#columns = Array.from({ length: count }, (_, column) => {
      return { miner: miners[column], missing: [] };
    });
    this.#used = new Set(miners.map((miner) => miner.account));
    this.#requireMiners("the chain lists no more with space");
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#encoder.freeBytes === 0) await this.#endSegment();
      const piece = bytes.subarray(offset, offset + this.#encoder.freeBytes);
      for (const stripe of this.#encoder.push(piece)) await this.#send(stripe);
      this.#hasBytes = true;
      offset += piece.length;
    }
  }

  async finish(): Promise<UploadedFile> {
    if (this.#hasBytes) await this.#endSegment();
    const { profile, territory, signal } = this.#options;
    const file = createCodedFile(profile, this.#segments);
    for (const [column, state] of this.#columns.entries()) await this.#heal(column, state);
    this.#requireMiners("the others failed during the upload");
    const signed = await collectReceipts(
      file,
      this.#columns.map(({ miner }) => miner),
      {
        take: (miner, request, stop) => this.#deps.nodes.takeReceipt(miner, request, stop),
        replace: () => undefined,
        clock: this.#deps.clock,
        chainId: this.#deps.chainId,
        territory,
        expiryBlock: await this.#deps.expiryBlock(),
        signal,
      },
    );
    return { file, ...signed };
  }

  /** Ends what is under way. The nodes drop what no receipt was taken for. */
  cancel(): void {
    for (const upload of this.#uploads ?? []) upload?.cancel();
  }

  /** Copies the shards: the encoder will overwrite them while they are on their way. */
  async #send({ shards }: Stripe): Promise<void> {
    const { nodes } = this.#deps;
    const { signal } = this.#options;
    this.#uploads ??= this.#columns.map(
      ({ miner }) => miner && new FragmentUpload(nodes, miner, signal),
    );
    const full = this.#uploads.filter((upload) => upload !== undefined && !upload.hasRoom);
    if (full.length > 0) await this.#awaitRoom(full as FragmentUpload[]);
    signal.throwIfAborted();
    const copies = copyTogether(shards);
    for (const [column, upload] of this.#uploads.entries()) {
      if (upload?.failure === undefined) upload?.push(copies[column] as Uint8Array);
    }
  }

  async #awaitRoom(full: readonly FragmentUpload[]): Promise<void> {
    const ready = (this.#uploads ?? []).filter((upload) => upload?.failure === undefined).length;
    await this.#awaitUploads(full, {
      works: full.map((upload) => upload.room()),
      needCount: acknowledgeCount(this.#options.profile) - (ready - full.length),
    });
  }

  async #endSegment(): Promise<void> {
    const { tail, segment } = this.#encoder.finish();
    if (tail !== undefined) await this.#send(tail);
    const index = this.#segments.push(segment) - 1;
    const held = new Set<number>();
    const works = (this.#uploads ?? []).map(async (upload, column) => {
      const isHeld = await upload?.finish(segment.fragmentIds[column] as Uint8Array);
      if (isHeld) held.add(column);
    });
    const needCount = acknowledgeCount(this.#options.profile);
    await this.#awaitUploads(this.#uploads ?? [], { works, needCount });
    this.#options.signal.throwIfAborted();
    for (const column of this.#columns.keys()) if (!held.has(column)) this.#lose(column, index);
    this.#hasBytes = false;
    this.#uploads = undefined;
    this.#requireMiners("too many failed at once");
  }

  async #awaitUploads(
    uploads: readonly (FragmentUpload | undefined)[],
    { works, needCount }: { readonly works: readonly Promise<void>[]; readonly needCount: number },
  ): Promise<void> {
    await awaitMost(this.#deps.clock, works, {
      patience: { needCount, stallMs: STALL_MS, patienceMs: PATIENCE_MS },
      giveUp: (index) => uploads[index]?.giveUp("it is far behind the others"),
    });
  }

  /** Hands a column over to another miner, which then lacks every segment so far. */
  #lose(column: number, lastSegment: number): void {
    const state = this.#columns[column] as Column;
    const [replacement] = this.#deps.choose(1, this.#used);
    if (replacement !== undefined) this.#used.add(replacement.account);
    state.miner = replacement;
    state.missing = Array.from({ length: lastSegment + 1 }, (_, segment) => segment);
  }

  /** Gives the column's miner what it lacks; a miner that fails here leaves the column empty. */
  async #heal(column: number, state: Column): Promise<void> {
    const { miner, missing } = state;
    if (miner === undefined || missing.length === 0) return;
    for (const segment of missing) {
      const bytes = await this.#rebuild(segment, column);
      const id = this.#segments[segment]?.fragmentIds[column] as Uint8Array;
      if (await this.#sendWhole(miner, bytes, id)) continue;
      state.miner = undefined;
      return;
    }
    state.missing = [];
  }

  /** False if the node fails, or goes silent: it has no peers here to be compared with. */
  async #sendWhole(miner: StorageMiner, bytes: Uint8Array, id: Uint8Array): Promise<boolean> {
    const upload = new FragmentUpload(this.#deps.nodes, miner, this.#options.signal);
    const within = (work: Promise<unknown>) =>
      awaitMost(this.#deps.clock, [work], {
        patience: { needCount: 0, stallMs: HEAL_SILENCE_MS, patienceMs: HEAL_SILENCE_MS },
        giveUp: () => upload.giveUp("it has gone silent"),
      });
    for (let offset = 0; offset < bytes.length; offset += LEAF_BYTES) {
      if (!upload.hasRoom) await within(upload.room());
      upload.push(bytes.subarray(offset, offset + LEAF_BYTES));
    }
    const isHeld = upload.finish(id);
    await within(isHeld);
    return isHeld;
  }

  /** A fragment of this upload from k other columns. */
  async #rebuild(segment: number, wanted: number): Promise<Uint8Array> {
    const { profile, signal } = this.#options;
    const ids = this.#segments[segment]?.fragmentIds ?? [];
    const present = new Map<number, Uint8Array>();
    let reason = "no other column is held";
    for (const [column, { miner, missing }] of this.#columns.entries()) {
      if (present.size === profile.dataCount) break;
      if (miner === undefined || missing.includes(segment)) continue;
      try {
        const id = bytesToHex(ids[column] as Uint8Array);
        present.set(column, await this.#deps.nodes.readFragment(miner, id, signal));
      } catch (cause) {
        // Another column may do as well.
        if (!(cause instanceof StorageClientError)) throw cause;
        reason = cause.message;
      }
    }
    const [needCount, haveCount] = [profile.dataCount, present.size];
    if (haveCount < needCount) {
      throw new StorageClientError({ code: "TOO_FEW_NODES", needCount, haveCount, reason });
    }
    return createErasureCode(profile).rebuild(present, [wanted]).get(wanted) as Uint8Array;
  }

  #requireMiners(reason: string): void {
    const needCount = acknowledgeCount(this.#options.profile);
    const haveCount = countMiners(this.#columns.map(({ miner }) => miner));
    if (haveCount < needCount) {
      throw new StorageClientError({ code: "TOO_FEW_NODES", needCount, haveCount, reason });
    }
  }
}
