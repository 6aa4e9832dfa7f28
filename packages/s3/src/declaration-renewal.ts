/**
 * Has receipts renewed before they expire, for as long as their file is not on the chain: miners
 * keep what they signed for until then, and the chain takes no declaration after it.
 * @module
 */
import { decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Counter, Gauge, Metrics } from "@cess/runtime/metrics";
import { StorageClientError } from "@cess/storage-client/error";
import type { Declaration, FileStore, ReceiptState } from "@cess/storage-client/file-store";
import { afterKey, claimPart, keyOf, rangeOf } from "./index/keys.ts";
import type { MetaEntry, MetaStore, MetaWriter } from "./index/meta-store.ts";
import { declarationCodec, type RefusedDeclaration, refusedCodec } from "./index/records.ts";

export interface DeclarationRenewalDeps {
  readonly metaStore: MetaStore;
  readonly fileStore: Pick<FileStore, "renew" | "receiptState">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** A record whose receipts should be renewed; of one that was refused, what is known of that. */
interface Due {
  readonly key: Uint8Array;
  readonly declaration: Declaration;
  readonly state: ReceiptState;
  readonly refused: RefusedDeclaration | undefined;
}

type WaitingTable = "declaration" | "refused";

const SCAN_INTERVAL_MS = 500;
const SCAN_MAX = 1000;
/** Renewed in one round of each table. */
const RENEWED_MAX = 16;

export class DeclarationRenewal {
  readonly #deps: DeclarationRenewalDeps;
  /** Pause after `attempts` tries in vain. */
  readonly #pauseMs: (attempts: number) => number;
  readonly #renewals: Counter;
  readonly #stranded: Gauge;
  readonly #cursors = new Map<WaitingTable, Uint8Array>();
  #scannedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: DeclarationRenewalDeps, pauseMs: (attempts: number) => number) {
    const { metrics } = deps;
    this.#deps = deps;
    this.#pauseMs = pauseMs;
    this.#renewals = metrics.counter("s3_renewals_total", "Receipts by outcome", ["outcome"]);
    this.#stranded = metrics.gauge(
      "s3_declarations_stranded_count",
      "Files refused whose receipts expired and could not be renewed, up to a limit",
    );
  }

  /** Renews some of what is due; what cannot be renewed stays, to be tried again. */
  async round(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#scannedMs < SCAN_INTERVAL_MS) return;
    this.#scannedMs = nowMs;
    for (const table of ["declaration", "refused"] as const) {
      const due = await this.#nextDue(table);
      await Promise.all(due.map((one) => this.#renew(one, signal)));
    }
  }

  async #nextDue(table: WaitingTable): Promise<readonly Due[]> {
    const { start, end } = rangeOf(table);
    const after = this.#cursors.get(table);
    const entries: MetaEntry[] = [];
    for (const entry of this.#deps.metaStore.range(after ?? start, end)) {
      if (entries.push(entry) === SCAN_MAX) break;
    }
    const due: Due[] = [];
    let strandedCount = 0;
    let last = entries.length === SCAN_MAX ? entries.at(-1) : undefined;
    for (const entry of entries) {
      const one = await this.#judge(table, entry);
      if (one.refused !== undefined && one.state === "expired") strandedCount += 1;
      const isPausing = (one.refused?.renewMs ?? 0) > this.#deps.clock.wallMs();
      if (one.state === "good" || isPausing) continue;
      if (due.push(one) === RENEWED_MAX) {
        last = entry;
        break;
      }
    }
    if (table === "refused" && after === undefined) this.#stranded.set(strandedCount);
    if (last === undefined) this.#cursors.delete(table);
    else this.#cursors.set(table, afterKey(last.key));
    return due;
  }

  async #judge(table: WaitingTable, { key, value }: MetaEntry): Promise<Due> {
    const refused = table === "refused" ? decode(refusedCodec, value) : undefined;
    const declaration = refused?.declaration ?? decode(declarationCodec, value);
    const state = await this.#deps.fileStore.receiptState(declaration);
    return { key, declaration, state, refused };
  }

  async #renew(due: Due, signal: AbortSignal): Promise<void> {
    const { fileStore, metaStore, log } = this.#deps;
    const { fid, territory } = due.declaration;
    let write: (writer: MetaWriter) => void;
    try {
      const renewed = await fileStore.renew(due.declaration, signal);
      this.#renewals.inc({ outcome: "renewed" });
      write = (writer) => this.#keep(writer, due, renewed);
    } catch (cause) {
      if (signal.aborted || !(cause instanceof StorageClientError)) throw cause;
      this.#renewals.inc({ outcome: "failed" });
      const { state } = due;
      log.error("a file is not declared and its receipts not renewed", {
        ...{ cause, fid, territory, state },
      });
      write = (writer) => this.#setAside(writer, due);
    }
    await metaStore.update((writer) => {
      // Nobody may need the file any more.
      if (writer.get(due.key) !== undefined) write(writer);
    });
  }

  /** A refused declaration is tried again at once: it may be its receipts that were refused. */
  #keep(writer: MetaWriter, { key, refused }: Due, declaration: Declaration): void {
    if (refused === undefined) writer.put(key, encode(declarationCodec, declaration));
    else writer.put(key, encode(refusedCodec, { ...refused, declaration, retryMs: 0, renewMs: 0 }));
  }

  #setAside(writer: MetaWriter, { key, declaration, state, refused }: Due): void {
    // What is still good for a while is better declared than set aside.
    if (refused === undefined && state !== "expired") return;
    const attempts = (refused?.attempts ?? 0) + 1;
    const renewMs = this.#deps.clock.wallMs() + this.#pauseMs(attempts - 1);
    const retryMs = refused?.retryMs ?? renewMs;
    const record = encode(refusedCodec, { declaration, attempts, retryMs, renewMs });
    if (refused === undefined) writer.delete(key);
    writer.put(keyOf("refused", claimPart(declaration)), record);
  }
}
