/** Pulls lines and runs of bytes out of a stream, holding one of its chunks at a time. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Between 1 and `countMax` bytes, or none at the end of the stream. */
  async take(countMax: number): Promise<Uint8Array> {
    if (!(await this.#fill())) return this.#held;
    const taken = this.#held.subarray(0, countMax);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  /** The line up to CRLF, without it; undefined if there is none within `countMax` bytes. */
  async line(countMax: number): Promise<string | undefined> {
    let line = "";
    while (await this.#fill()) {
      const at = this.#held.indexOf(0x0a);
      const end = at < 0 ? this.#held.length : at + 1;
      if (line.length + end > countMax + 2) return undefined;
      line += Buffer.from(this.#held.subarray(0, end)).toString("latin1");
      this.#held = this.#held.subarray(end);
      if (at >= 0) return line.endsWith("\r\n") ? line.slice(0, -2) : undefined;
    }
    return undefined;
  }

  /** Lets the source go; it is not read any further. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#held.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#held = next.value;
    }
    return true;
  }
}
