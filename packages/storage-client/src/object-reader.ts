import {
  CHUNK_BYTES,
  chunkCount,
  createDataKey,
  openChunk,
  SEALED_CHUNK_BYTES,
} from "@cess/crypto/aead";
import { SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { MIB } from "@cess/std/units";
import { StorageClientError } from "./error.ts";
import type { FileName } from "./file-id.ts";
import type { Extent } from "./file-store.ts";
import type { SegmentRange } from "./segment-reader.ts";

export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
}

/** Reads part of a segment: from the network, or from what is kept of it. */
export type ReadSegment = (range: SegmentRange, signal: AbortSignal) => Promise<Uint8Array[]>;

/** Bytes that one round of requests fetches: two stripes or more of every profile. */
const WINDOW_BYTES = 2 * MIB;
/** Windows fetched ahead of the reader. */
const WINDOWS_AHEAD = 2;

/**
 * Streams a range of an object's own bytes: fetches sealed windows ahead, opens chunk after chunk.
 *
 * @throws {@link StorageClientError} `RANGE_INVALID`, and what reading throws.
 */
export async function* readObject(
  readSegment: ReadSegment,
  extent: Extent,
  { range, signal }: { readonly range: ObjectRange; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const end = range.offset + range.length;
  if (range.offset < 0 || range.length < 0 || end > extent.sizeBytes) {
    throw new StorageClientError({ code: "RANGE_INVALID", ...range });
  }
  if (range.length === 0) return;
  const firstChunk = Math.floor(range.offset / CHUNK_BYTES);
  const endChunk = Math.ceil(end / CHUNK_BYTES);
  const lastChunk = chunkCount(extent.sizeBytes) - 1;
  const sealedStart = firstChunk * SEALED_CHUNK_BYTES;
  const sealedEnd = Math.min(endChunk * SEALED_CHUNK_BYTES, extent.sealedBytes);
  const sealed = readSealed(readSegment, extent, {
    offset: extent.offset + sealedStart,
    length: sealedEnd - sealedStart,
    signal,
  });
  const key = createDataKey(extent.dataKey);
  let index = firstChunk;
  for await (const chunk of rechunk(sealed)) {
    const opened = openChunk(key, { index, isLast: index === lastChunk }, chunk);
    const chunkStart = index * CHUNK_BYTES;
    const from = Math.max(0, range.offset - chunkStart);
    yield opened.subarray(from, Math.min(opened.length, end - chunkStart));
    index += 1;
  }
}

/** Bytes of the file in order, a few windows ahead of whoever reads. */
async function* readSealed(
  readSegment: ReadSegment,
  extent: Extent,
  { offset, length, signal }: ObjectRange & { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const leave = new AbortController();
  const stop = AbortSignal.any([signal, leave.signal]);
  const ahead: Promise<Uint8Array[]>[] = [];
  const windows = windowsOf(extent, { offset, length });
  const fetchNext = () => {
    const window = windows.shift();
    if (window === undefined) return;
    const reading = readSegment(window, stop);
    // Awaited in turn below; until then a failure must not count as unhandled.
    reading.catch(() => undefined);
    ahead.push(reading);
  };
  try {
    for (let count = 0; count <= WINDOWS_AHEAD; count += 1) fetchNext();
    for (let reading = ahead.shift(); reading !== undefined; reading = ahead.shift()) {
      const pieces = await reading;
      fetchNext();
      yield* pieces;
    }
  } finally {
    leave.abort();
  }
}

/** Cuts a range of a file at the edges of segments, and at multiples of the window in them. */
function windowsOf(extent: Extent, range: ObjectRange): SegmentRange[] {
  const file: FileName = {
    fid: extent.fid,
    sizeBytes: extent.fileSizeBytes,
    profileId: extent.profileId,
  };
  const windows: SegmentRange[] = [];
  const end = range.offset + range.length;
  for (let at = range.offset; at < end; ) {
    const segment = Math.floor(at / SEGMENT_BYTES_MAX);
    const offset = at % SEGMENT_BYTES_MAX;
    const length = Math.min(WINDOW_BYTES - (offset % WINDOW_BYTES), end - at);
    windows.push({ file, segment, offset, length });
    at += length;
  }
  return windows;
}

/** Pieces of any size as sealed chunks; the last may be shorter. */
async function* rechunk(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pending = new Uint8Array(SEALED_CHUNK_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.length; ) {
      const taken = Math.min(SEALED_CHUNK_BYTES - filled, piece.length - offset);
      pending.set(piece.subarray(offset, offset + taken), filled);
      filled += taken;
      offset += taken;
      if (filled === SEALED_CHUNK_BYTES) {
        yield pending;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield pending.subarray(0, filled);
}
