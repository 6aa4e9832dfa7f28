import type { Hex } from "@cess/std/bytes";
import { KIB } from "@cess/std/units";
import type { ReadSegment } from "./object-reader.ts";
import type { SegmentRange } from "./segment-reader.ts";

/** Files up to this size are read as a whole: neighbours in a bundle are wanted together. */
const WHOLE_BYTES_MAX = 256 * KIB;

/** Keeps small files whole, within a budget of bytes; forgets the least recently used. */
export class FileCache {
  readonly #files = new Map<Hex, Uint8Array>();
  readonly #reading = new Map<Hex, Promise<Uint8Array>>();
  readonly #sizeBytesMax: number;
  readonly #readSegment: ReadSegment;
  #sizeBytes = 0;

  constructor(sizeBytesMax: number, readSegment: ReadSegment) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#readSegment = readSegment;
  }

  /** Like {@link ReadSegment}; a small file is fetched once for all who want parts of it. */
  async read(range: SegmentRange, signal: AbortSignal): Promise<Uint8Array[]> {
    const { file, offset, length } = range;
    if (file.sizeBytes > WHOLE_BYTES_MAX) {
      const kept = this.#files.get(file.fid);
      if (kept !== undefined) return [kept.subarray(offset, offset + length)];
      return this.#readSegment(range, signal);
    }
    const whole = this.#use(file.fid) ?? (await this.#fetch(range));
    return [whole.subarray(offset, offset + length)];
  }

  keep(fid: Hex, bytes: Uint8Array): void {
    const known = this.#files.get(fid);
    if (known !== undefined || bytes.length > this.#sizeBytesMax) return;
    this.#files.set(fid, bytes);
    this.#sizeBytes += bytes.length;
    for (const [oldest, { length }] of this.#files) {
      if (this.#sizeBytes <= this.#sizeBytesMax) break;
      this.#files.delete(oldest);
      this.#sizeBytes -= length;
    }
  }

  #use(fid: Hex): Uint8Array | undefined {
    const bytes = this.#files.get(fid);
    if (bytes === undefined) return undefined;
    this.#files.delete(fid);
    this.#files.set(fid, bytes);
    return bytes;
  }

  /** Shared by all readers of the moment, so no single reader's signal ends it. */
  async #fetch({ file, segment }: SegmentRange): Promise<Uint8Array> {
    let reading = this.#reading.get(file.fid);
    if (reading === undefined) {
      const whole = { file, segment, offset: 0, length: file.sizeBytes };
      reading = this.#readSegment(whole, new AbortController().signal)
        .then((pieces) => {
          const bytes = new Uint8Array(Buffer.concat(pieces));
          this.keep(file.fid, bytes);
          return bytes;
        })
        .finally(() => this.#reading.delete(file.fid));
      this.#reading.set(file.fid, reading);
    }
    return reading;
  }
}
