/**
 * Puts on the chain what the index says must be there, and takes off what must not: a loop over
 * durable records, so that a crash at any point only repeats work that is safe to repeat.
 *
 * Declarations and removals go out one after the other from the same loop: a file that is removed
 * while its declaration is on the way is removed after it.
 *
 * @module
 */
import { decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { createLoop } from "@cess/runtime/loop";
import type { Counter, Gauge, Metrics } from "@cess/runtime/metrics";
import type { Service } from "@cess/runtime/service";
import { asBuffer, bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { StorageClientError } from "@cess/storage-client/error";
import type { Declaration, Declarer, FileStore } from "@cess/storage-client/file-store";
import { DeclarationRenewal } from "./declaration-renewal.ts";
import { S3Error } from "./error.ts";
import type { Claim } from "./index/files.ts";
import { afterKey, claimPart, keyOf, rangeOf } from "./index/keys.ts";
import type { MetaEntry, MetaStore } from "./index/meta-store.ts";
import { declarationCodec, refusedCodec } from "./index/records.ts";

export interface DeclarationLogDeps {
  readonly metaStore: MetaStore;
  readonly declarer: Declarer;
  /** Told at the start of files that are not on the chain yet, so that they can be read. */
  readonly fileStore: Pick<FileStore, "remember" | "renew" | "receiptState">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface DeclarationLogOptions {
  /** Pause between two rounds, in milliseconds. */
  readonly intervalMs: number;
  /** Pause after the chain could not be reached. */
  readonly retryMs: number;
  /** First pause before a refused declaration is tried again; doubles each time. */
  readonly refusedRetryMs: number;
}

export interface DeclarationLog extends Service {
  /**
   * Resolves once the file is final on the chain, or needed no more.
   *
   * @throws S3Error `ServiceUnavailable` if it was refused, or the signal aborts.
   */
  waitUntilDeclared(claim: Claim, signal: AbortSignal): Promise<void>;
}

const BATCH_MAX = 64;
const REMOVALS_MAX = 64;
const REFUSED_SCAN_MAX = 1000;
/** Tried again in one round. */
const REFUSED_RETRIED_MAX = 8;
const REFUSED_DOUBLINGS_MAX = 10;

interface LogMetrics {
  readonly batches: Counter;
  readonly declared: Counter;
  readonly removed: Counter;
  readonly pending: Gauge;
  readonly refused: Gauge;
}

export function createDeclarationLog(
  deps: DeclarationLogDeps,
  options: DeclarationLogOptions,
): DeclarationLog {
  const state = new LogState(deps, options);
  const log = deps.log.child({ service: "declaration-log" });
  const loop = createLoop(
    { clock: deps.clock, log },
    {
      name: "declarations",
      intervalMs: options.intervalMs,
      work: (signal) => state.round(signal),
    },
  );
  return {
    async start() {
      state.remember();
      await loop.start();
    },
    stop: loop.stop,
    waitUntilDeclared: (claim, signal) => state.wait(claim, signal),
  };
}

class LogState {
  readonly #deps: DeclarationLogDeps;
  readonly #options: DeclarationLogOptions;
  readonly #metrics: LogMetrics;
  readonly #renewal: DeclarationRenewal;
  /** Where the last batch ended, so that no file waits behind newer ones for ever. */
  #cursor: Uint8Array | undefined;
  #refusedCursor: Uint8Array | undefined;
  #removalCursor: Uint8Array | undefined;
  #wakeWaiters: () => void = () => undefined;
  #changed: Promise<void>;

  constructor(deps: DeclarationLogDeps, options: DeclarationLogOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#metrics = createMetrics(deps.metrics);
    this.#renewal = new DeclarationRenewal(deps, (attempts) => this.#pauseMs(attempts));
    this.#changed = this.#nextChange();
  }

  remember(): void {
    const { metaStore, fileStore } = this.#deps;
    const pending = rangeOf("declaration");
    for (const { value } of metaStore.range(pending.start, pending.end)) {
      fileStore.remember(decode(declarationCodec, value));
    }
    const refused = rangeOf("refused");
    for (const { value } of metaStore.range(refused.start, refused.end)) {
      fileStore.remember(decode(refusedCodec, value).declaration);
    }
  }

  async round(signal: AbortSignal): Promise<void> {
    try {
      await this.#renewal.round(signal);
      await this.#retryRefused(signal);
      await this.#declareBatch(signal);
      await this.#removeBatch(signal);
    } catch (cause) {
      if (signal.aborted) return;
      this.#metrics.batches.inc({ outcome: "failed" });
      this.#deps.log.warn("chain not reached, trying again", { cause });
      await this.#deps.clock.sleep(this.#options.retryMs, signal);
    }
  }

  async wait(claim: Claim, signal: AbortSignal): Promise<void> {
    const part = claimPart(claim);
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    while (this.#deps.metaStore.get(keyOf("declaration", part)) !== undefined) {
      if (signal.aborted) throw new S3Error({ code: "ServiceUnavailable" }, "Not yet declared.");
      await Promise.race([this.#changed, aborted]);
    }
    if (this.#deps.metaStore.get(keyOf("refused", part)) === undefined) return;
    throw new S3Error({ code: "ServiceUnavailable" }, "The chain refused the declaration for now.");
  }

  async #declareBatch(signal: AbortSignal): Promise<void> {
    const batch = this.#nextBatch();
    if (batch.length === 0) return;
    await this.#settle(batch, await this.#refusedOf(batch, signal));
  }

  /** Declares `batch` and names what the chain refused of it; other failures are thrown. */
  async #refusedOf(batch: readonly Declaration[], signal: AbortSignal): Promise<ReadonlySet<Hex>> {
    try {
      await this.#deps.declarer.declare(batch, signal);
      return new Set();
    } catch (cause) {
      const isRefusal =
        cause instanceof StorageClientError && cause.detail.code === "DECLARATION_REFUSED";
      if (!isRefusal) throw cause;
      this.#deps.log.warn("declarations refused", { cause, fids: cause.detail.fids });
      return new Set(cause.detail.fids);
    }
  }

  /** What was not refused in a batch with refusals is still to be declared. */
  async #settle(batch: readonly Declaration[], refused: ReadonlySet<Hex>): Promise<void> {
    const retryMs = this.#deps.clock.wallMs() + this.#options.refusedRetryMs;
    await this.#deps.metaStore.update((writer) => {
      for (const declaration of batch) {
        const claim = claimPart(declaration);
        const isPending = writer.get(keyOf("declaration", claim)) !== undefined;
        const isRefused = refused.has(declaration.fid);
        if (!isPending || (refused.size > 0 && !isRefused)) continue;
        writer.delete(keyOf("declaration", claim));
        if (!isRefused) continue;
        const record = { declaration, attempts: 1, retryMs, renewMs: 0 };
        writer.put(keyOf("refused", claim), encode(refusedCodec, record));
      }
    });
    if (refused.size === 0) this.#metrics.declared.inc({}, batch.length);
    this.#metrics.batches.inc({ outcome: refused.size === 0 ? "declared" : "refused" });
    this.#wakeWaiters();
    this.#changed = this.#nextChange();
  }

  #nextBatch(): readonly Declaration[] {
    const { start, end } = rangeOf("declaration");
    const from = this.#cursor ?? start;
    let entries = this.#take(from, end, BATCH_MAX);
    if (entries.length === 0 && this.#cursor !== undefined) {
      entries = this.#take(start, end, BATCH_MAX);
    }
    const last = entries.at(-1);
    this.#cursor = last === undefined ? undefined : afterKey(last.key);
    this.#metrics.pending.set(entries.length);
    return entries.map(({ value }) => decode(declarationCodec, value));
  }

  async #removeBatch(signal: AbortSignal): Promise<void> {
    const { start, end } = rangeOf("removal");
    const entries = this.#take(this.#removalCursor ?? start, end, REMOVALS_MAX);
    const first = entries[0];
    this.#removalCursor = undefined;
    if (first === undefined) return;
    // One call removes files of one territory; keys begin with it.
    const territory = territoryOf(first.key);
    // Whatever becomes of this one, the others have their turns before it comes again.
    this.#removalCursor = rangeOf("removal", hexToBytes(territory, 32)).end;
    const keys = entries.map(({ key }) => key).filter((key) => territoryOf(key) === territory);
    const fids = keys.map((key) => bytesToHex(key.subarray(33)));
    await this.#deps.declarer.remove(territory, fids, signal);
    await this.#deps.metaStore.update((writer) => {
      for (const key of keys) writer.delete(key);
    });
    this.#metrics.removed.inc({}, keys.length);
  }

  /** Gives refused declarations whose pause is over another try, alone. */
  async #retryRefused(signal: AbortSignal): Promise<void> {
    const { start, end } = rangeOf("refused");
    const nowMs = this.#deps.clock.wallMs();
    const entries = this.#take(this.#refusedCursor ?? start, end, REFUSED_SCAN_MAX);
    if (this.#refusedCursor === undefined) this.#metrics.refused.set(entries.length);
    const due = entries
      .map(({ key, value }) => ({ key, ...decode(refusedCodec, value) }))
      .filter(({ retryMs }) => retryMs <= nowMs);
    const tried = due.slice(0, REFUSED_RETRIED_MAX);
    const last = tried.length < due.length ? tried.at(-1) : entries[REFUSED_SCAN_MAX - 1];
    this.#refusedCursor = last && afterKey(last.key);
    for (const { key, declaration, attempts, renewMs } of tried) {
      const isRefused = (await this.#refusedOf([declaration], signal)).size > 0;
      const retryAtMs = nowMs + this.#pauseMs(attempts);
      const record = { declaration, attempts: attempts + 1, retryMs: retryAtMs, renewMs };
      await this.#deps.metaStore.update((writer) => {
        if (writer.get(key) === undefined) return;
        if (isRefused) writer.put(key, encode(refusedCodec, record));
        else writer.delete(key);
      });
      if (!isRefused) this.#metrics.declared.inc();
    }
  }

  #pauseMs(attempts: number): number {
    return this.#options.refusedRetryMs * 2 ** Math.min(attempts, REFUSED_DOUBLINGS_MAX);
  }

  #take(start: Uint8Array, end: Uint8Array, countMax: number): readonly MetaEntry[] {
    const entries: MetaEntry[] = [];
    for (const entry of this.#deps.metaStore.range(start, end)) {
      entries.push(entry);
      if (entries.length === countMax) break;
    }
    return entries;
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeWaiters = resolve;
    });
  }
}

function territoryOf(key: Uint8Array): Hex {
  return bytesToHex(asBuffer(key).subarray(1, 33));
}

function createMetrics(metrics: Metrics): LogMetrics {
  return {
    batches: metrics.counter("s3_declaration_batches_total", "Batches by outcome", ["outcome"]),
    declared: metrics.counter("s3_declarations_total", "Files declared"),
    removed: metrics.counter("s3_removals_total", "Files removed from the chain"),
    pending: metrics.gauge("s3_declarations_pending_count", "Files in the last batch"),
    refused: metrics.gauge("s3_declarations_refused_count", "Files refused, up to a limit"),
  };
}
