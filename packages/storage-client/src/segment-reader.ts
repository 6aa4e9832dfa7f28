import { type ColumnRead, rangeToReads, segmentSizeBytes } from "@cess/erasure/layout";
import { createErasureCode, type ErasureCode } from "@cess/erasure/reed-solomon";
import { columnCount, type Profile } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import { StorageClientError } from "./error.ts";
import { type FileName, profileOf } from "./file-id.ts";
import type { FileLocation, FileLocator } from "./file-locator.ts";
import type { FragmentRange, NodeClient } from "./node-client.ts";
import type { NodeHealth } from "./node-health.ts";
import type { MinerDirectory, StorageMiner } from "./placement.ts";

export interface SegmentReaderDeps {
  readonly nodes: NodeClient;
  readonly locator: FileLocator;
  readonly directory: MinerDirectory;
  readonly health: NodeHealth;
  readonly clock: Clock;
}

/** A range of one segment of a file. */
export interface SegmentRange {
  readonly file: FileName;
  readonly segment: number;
  /** Within the segment. */
  readonly offset: number;
  readonly length: number;
}

/** A read waits for a slow holder this many times its usual latency before it goes around it. */
const HEDGE_FACTOR = 6;
const HEDGE_MIN_MS = 250;
const HEDGE_MAX_MS = 3_000;

/**
 * Reads ranges of segments from data columns, and rebuilds from any k columns what the data
 * columns do not give in time.
 */
export class SegmentReader {
  readonly #deps: SegmentReaderDeps;
  readonly #codes = new Map<number, ErasureCode>();

  constructor(deps: SegmentReaderDeps) {
    this.#deps = deps;
  }

  /**
   * The bytes of the range, in order, as views of what the nodes sent.
   *
   * @throws {@link StorageClientError} `UNAVAILABLE` if fewer than k columns answer.
   */
  async read(range: SegmentRange, signal: AbortSignal): Promise<Uint8Array[]> {
    const { file, segment } = range;
    const sizeBytes = segmentSizeBytes(file.sizeBytes, segment);
    const reads = rangeToReads(profileOf(file), sizeBytes, range);
    const wanted = columnRanges(reads);
    let location = await this.#deps.locator.locate(file.fid);
    let columns = await this.#readColumns({ file, segment, location }, wanted, signal);
    if (columns === undefined) {
      location = await this.#deps.locator.locate(file.fid, true);
      columns = await this.#readColumns({ file, segment, location }, wanted, signal);
    }
    signal.throwIfAborted();
    if (columns === undefined) {
      throw new StorageClientError({ code: "UNAVAILABLE", fid: file.fid, segment });
    }
    const found = columns;
    return reads.map(({ column, fragmentOffset, length }) => {
      const start = fragmentOffset - (wanted.get(column) as FragmentRange).offset;
      return (found.get(column) as Uint8Array).subarray(start, start + length);
    });
  }

  /** The wanted ranges by column, or undefined if they can neither be read nor rebuilt. */
  async #readColumns(
    from: LocatedSegment,
    wanted: ReadonlyMap<number, FragmentRange>,
    signal: AbortSignal,
  ): Promise<Map<number, Uint8Array> | undefined> {
    const found = new Map<number, Uint8Array>();
    const direct = [...wanted].map(async ([column, range]) => {
      const bytes = await this.#readInTime(from, { column, range }, signal);
      if (bytes !== undefined) found.set(column, bytes);
    });
    await Promise.all(direct);
    const missing = [...wanted].filter(([column]) => !found.has(column));
    if (missing.length === 0) return found;
    const span = spanOf(missing.map(([, range]) => range));
    const rebuilt = await this.#rebuild(from, { missing: missing.map(([c]) => c), span }, signal);
    if (rebuilt === undefined) return undefined;
    for (const [column, range] of missing) {
      const bytes = rebuilt.get(column) as Uint8Array;
      const start = range.offset - span.offset;
      found.set(column, bytes.subarray(start, start + range.length));
    }
    return found;
  }

  /** Reads one column directly; undefined when its holder is unknown, fails, or takes too long. */
  async #readInTime(
    from: LocatedSegment,
    { column, range }: { readonly column: number; readonly range: FragmentRange },
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const miner = this.#holder(from, column);
    if (miner === undefined || this.#deps.health.isAvoided(miner.account)) return undefined;
    const usualMs = this.#deps.health.latencyMs(miner.account);
    const hedgeMs = Math.min(HEDGE_MAX_MS, Math.max(HEDGE_MIN_MS, HEDGE_FACTOR * usualMs));
    const leave = new AbortController();
    const tooLate = this.#deps.clock
      .sleep(hedgeMs, AbortSignal.any([signal, leave.signal]))
      .then(() => undefined);
    try {
      const reading = this.#readFrom(miner, from, { column, range }, signal);
      return await Promise.race([reading, tooLate]);
    } finally {
      leave.abort();
    }
  }

  /** `span` of the missing columns, from the first k other columns that answer. */
  async #rebuild(
    from: LocatedSegment,
    { missing, span }: { readonly missing: readonly number[]; readonly span: FragmentRange },
    signal: AbortSignal,
  ): Promise<Map<number, Uint8Array> | undefined> {
    const profile = profileOf(from.file);
    const enough = new AbortController();
    const stop = AbortSignal.any([signal, enough.signal]);
    const candidates = this.#byPromise(from, profile, missing);
    const present = new Map<number, Uint8Array>();
    const worker = async () => {
      for (;;) {
        const column = candidates.shift();
        if (column === undefined || present.size >= profile.dataCount || stop.aborted) return;
        const miner = this.#holder(from, column);
        if (miner === undefined) continue;
        const bytes = await this.#readFrom(miner, from, { column, range: span }, stop);
        if (bytes !== undefined && present.size < profile.dataCount) present.set(column, bytes);
        if (present.size === profile.dataCount) enough.abort();
      }
    };
    // One more than needed at a time, so that a single slow node does not set the pace.
    await Promise.all(Array.from({ length: profile.dataCount + 1 }, worker));
    if (present.size < profile.dataCount) await this.#readOrigins(from, { present, span }, signal);
    if (present.size < profile.dataCount) return undefined;
    return this.#codeOf(profile).rebuild(present, missing);
  }

  /** Last resort: columns that nobody holds, from those that had them. */
  async #readOrigins(
    from: LocatedSegment,
    { present, span }: { readonly present: Map<number, Uint8Array>; readonly span: FragmentRange },
    signal: AbortSignal,
  ): Promise<void> {
    const { file, segment } = from;
    const { dataCount } = profileOf(file);
    for (let column = 0; column < columnCount(profileOf(file)); column += 1) {
      if (present.size === dataCount || signal.aborted) return;
      if (present.has(column) || this.#holder(from, column) !== undefined) continue;
      const origin = await this.#deps.locator.originOf(file.fid, { segment, column });
      const miner = origin && this.#deps.directory.minerOf(origin);
      const bytes = miner && (await this.#readFrom(miner, from, { column, range: span }, signal));
      if (bytes !== undefined) present.set(column, bytes);
    }
  }

  async #readFrom(
    miner: StorageMiner,
    { file, segment }: LocatedSegment,
    { column, range }: { readonly column: number; readonly range: FragmentRange },
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    try {
      return await this.#deps.nodes.readRange(
        miner,
        { file, place: { segment, column }, range },
        signal,
      );
    } catch (cause) {
      // Whatever is wrong with this holder, the others may do: the caller counts who answered.
      if (cause instanceof StorageClientError) return undefined;
      throw cause;
    }
  }

  /** Other columns, those first that lately answered, and fast; missing ones are a last resort. */
  #byPromise(from: LocatedSegment, profile: Profile, missing: readonly number[]): number[] {
    const cost = (column: number) => {
      const miner = this.#holder(from, column);
      if (miner === undefined) return Number.POSITIVE_INFINITY;
      const penalty = this.#deps.health.isAvoided(miner.account) ? 1e6 : 0;
      return penalty + this.#deps.health.latencyMs(miner.account);
    };
    const columns = Array.from({ length: columnCount(profile) }, (_, column) => column);
    const sorted = (some: number[]) => some.sort((a, b) => cost(a) - cost(b));
    const others = sorted(columns.filter((column) => !missing.includes(column)));
    return [...others, ...sorted([...missing])];
  }

  #holder({ location, segment }: LocatedSegment, column: number): StorageMiner | undefined {
    const account = location.holderOf({ segment, column });
    return account && this.#deps.directory.minerOf(account);
  }

  #codeOf(profile: Profile): ErasureCode {
    let code = this.#codes.get(profile.id);
    if (code === undefined) {
      code = createErasureCode(profile);
      this.#codes.set(profile.id, code);
    }
    return code;
  }
}

interface LocatedSegment {
  readonly file: FileName;
  readonly segment: number;
  readonly location: FileLocation;
}

/** For each column, the one range of its fragment that covers all reads of it. */
function columnRanges(reads: readonly ColumnRead[]): Map<number, FragmentRange> {
  const ranges = new Map<number, FragmentRange>();
  for (const { column, fragmentOffset, length } of reads) {
    const read = { offset: fragmentOffset, length };
    const known = ranges.get(column);
    ranges.set(column, known === undefined ? read : spanOf([known, read]));
  }
  return ranges;
}

function spanOf(ranges: readonly FragmentRange[]): FragmentRange {
  const offset = Math.min(...ranges.map((range) => range.offset));
  const end = Math.max(...ranges.map((range) => range.offset + range.length));
  return { offset, length: end - offset };
}
