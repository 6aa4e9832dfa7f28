import assert from "node:assert/strict";

/**
 * A bounded hand-over of byte chunks from one writer to one reader.
 *
 * The writer learns when the reader is behind, the reader sees the end or the failure that the
 * writer gives it. A reader that leaves early makes every later `push` report so.
 */
export class ByteChannel implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  readonly #countMax: number;
  #end: { readonly cause: unknown } | "open" | "ended" = "open";
  #isAbandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(countMax: number) {
    assert(countMax > 0);
    this.#countMax = countMax;
  }

  /** True while the reader has room for another chunk. */
  get hasRoom(): boolean {
    return this.#chunks.length < this.#countMax || this.#isAbandoned;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Call only while {@link hasRoom}. False, and the chunk is dropped, if the reader has left. */
  push(chunk: Uint8Array): boolean {
    if (this.#isAbandoned) return false;
    assert(this.#end === "open" && this.#chunks.length < this.#countMax);
    this.#chunks.push(chunk);
    this.#wake("reader");
    return true;
  }

  /** Resolves once there is room, or the reader has left. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
  }

  end(): void {
    if (this.#end === "open") this.#end = "ended";
    this.#wake("reader");
  }

  /** The reader throws `cause` once it has read what came before. */
  fail(cause: unknown): void {
    if (this.#end === "open") this.#end = { cause };
    this.#wake("reader");
  }

  /** What the reader's side calls when it gives up without having started to read. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#chunks.length = 0;
    this.#wake("writer");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#wake("writer");
          yield chunk;
        } else if (this.#end === "ended") return;
        else if (this.#end !== "open") throw this.#end.cause;
        else await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      }
    } finally {
      this.abandon();
    }
  }

  #wake(side: "reader" | "writer"): void {
    const wake = side === "reader" ? this.#wakeReader : this.#wakeWriter;
    if (side === "reader") this.#wakeReader = undefined;
    else this.#wakeWriter = undefined;
    wake?.();
  }
}
