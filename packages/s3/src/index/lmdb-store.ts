/**
 * A {@link MetaStore} in LMDB. The library runs all transactions that queue up while one commit
 * is being flushed in the next: that is the group commit.
 * @module
 */
import { asBuffer } from "@cess/std/bytes";
import { open } from "lmdb";
import type { MetaEntry, MetaReader, MetaStore, MetaWriter } from "./meta-store.ts";

export interface LMDBStoreOptions {
  /** Directory; made if it is missing. */
  readonly path: string;
  /** Most bytes the store may grow to. */
  readonly sizeBytesMax: number;
}

type Outcome<T> = { readonly value: T } | { readonly cause: unknown };

export function openLMDBStore(options: LMDBStoreOptions): MetaStore {
  const database = open<Buffer, Buffer>({
    path: options.path,
    noSubdir: false,
    keyEncoding: "binary",
    encoding: "binary",
    mapSize: options.sizeBytesMax,
    // A commit then resolves after its pages are on disk, not before.
    overlappingSync: false,
  });

  const reader: MetaReader = {
    get: (key) => database.getBinary(asBuffer(key)),
    *range(start, end): Iterable<MetaEntry> {
      yield* database.getRange({ start: asBuffer(start), end: asBuffer(end) });
    },
  };

  return {
    ...reader,
    async update(body) {
      const outcome = await database.transaction(() => {
        const staged = new StagedWriter(reader);
        const result = attempt(() => body(staged));
        if ("value" in result) staged.apply(database);
        return result;
      });
      if ("cause" in outcome) throw outcome.cause;
      return outcome.value;
    },
    close: () => database.close(),
  };
}

/** Holds writes back until the body has returned, so that one that throws leaves no trace. */
class StagedWriter implements MetaWriter {
  readonly #reader: MetaReader;
  /** By the key's bytes as Latin-1 text; an undefined value is a deletion. */
  readonly #writes = new Map<string, Uint8Array | undefined>();

  constructor(reader: MetaReader) {
    this.#reader = reader;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = asBuffer(key).toString("latin1");
    return this.#writes.has(name) ? this.#writes.get(name) : this.#reader.get(key);
  }

  range(start: Uint8Array, end: Uint8Array): Iterable<MetaEntry> {
    return this.#reader.range(start, end);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#writes.set(asBuffer(key).toString("latin1"), value);
  }

  delete(key: Uint8Array): void {
    this.#writes.set(asBuffer(key).toString("latin1"), undefined);
  }

  apply(database: {
    putSync(key: Buffer, value: Buffer): unknown;
    removeSync(key: Buffer): unknown;
  }): void {
    for (const [name, value] of this.#writes) {
      const key = Buffer.from(name, "latin1");
      if (value === undefined) database.removeSync(key);
      else database.putSync(key, asBuffer(value));
    }
  }
}

function attempt<T>(body: () => T): Outcome<T> {
  try {
    return { value: body() };
  } catch (cause) {
    // Handed to the caller of `update`: the transaction is shared with others and must not fail.
    return { cause };
  }
}
