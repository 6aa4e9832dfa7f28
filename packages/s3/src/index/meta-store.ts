/** Ordered key-value state of a gateway. Keys are compared as bytes and are at most 1,900 long. */
export interface MetaReader {
  get(key: Uint8Array): Uint8Array | undefined;
  /** Entries with `start` ≤ key < `end`, in order; read lazily, so stop when there is enough. */
  range(start: Uint8Array, end: Uint8Array): Iterable<MetaEntry>;
}

export interface MetaEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Sees its own writes through `get`; `range` shows the state before the transaction. */
export interface MetaWriter extends MetaReader {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

export interface MetaStore extends MetaReader {
  /**
   * Runs `body` alone. Resolves with its result once all its writes are durable; if it throws,
   * nothing is written and the promise rejects with what it threw. Many calls made at the same
   * time share one flush to disk.
   */
  update<T>(body: (writer: MetaWriter) => T): Promise<T>;
  close(): Promise<void>;
}
