/**
 * What this node knows of its fragments and pieces, in LMDB. Fragments are found by their id, pieces
 * by place, by state and by fragment; one transaction keeps the three in step. Small fragments and
 * their tags are kept here as well: a file of their own would cost several times what they do.
 * @module
 */
import assert from "node:assert/strict";
import { decode, encode } from "@cess/codec/codec";
import {
  asBuffer,
  bigintToBytes,
  bytesToBigint,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
} from "@cess/std/bytes";
import { type Database, open, type RootDatabase } from "lmdb";
import {
  columnPrefix,
  decodePiece,
  decodePlace,
  encodePiece,
  encodePlace,
  type Piece,
  type PiecePlace,
  type StoredFragment,
  storedFragmentCodec,
} from "./piece.ts";

export type FragmentRecord = Omit<StoredFragment, "version">;

type Table = Database<Uint8Array, Uint8Array>;

const VERSION = 1;
const EMPTY = new Uint8Array();
const MAP_BYTES = 2 ** 40;
const HEIGHT_KEY = Buffer.from("height");

export class Ledger {
  readonly #root: RootDatabase;
  readonly #fragments: Table;
  /** Small fragments themselves, by id. */
  readonly #bytes: Table;
  /** fragment id ‖ place. */
  readonly #references: Table;
  readonly #pieces: Table;
  /** Tags of small fragments, by place. */
  readonly #tags: Table;
  /** state ‖ place. */
  readonly #states: Table;
  /** Files whose record on chain may have changed. */
  readonly #dirty: Table;
  readonly #meta: Table;

  constructor(path: string) {
    this.#root = open({ path, mapSize: MAP_BYTES, maxDbs: 16 });
    const table = (name: string): Table =>
      this.#root.openDB({ name, keyEncoding: "binary", encoding: "binary" });
    this.#fragments = table("fragments");
    this.#bytes = table("bytes");
    this.#references = table("references");
    this.#pieces = table("pieces");
    this.#tags = table("tags");
    this.#states = table("states");
    this.#dirty = table("dirty");
    this.#meta = table("meta");
  }

  /** Runs `write` as one transaction: all of it or, if it throws, nothing. */
  async change(write: () => void): Promise<void> {
    // A child of the transaction that many changes share: what it throws undoes only its own.
    await this.#root.childTransaction(write);
  }

  /** Resolves once all changes so far would outlive a loss of power. */
  async flush(): Promise<void> {
    await this.#root.flushed;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  fragment(id: Hex): FragmentRecord | undefined {
    const value = this.#fragments.get(hexToBytes(id, 32));
    return value === undefined ? undefined : decodeFragment(value);
  }

  /** Within {@link change}. */
  putFragment(id: Hex, record: FragmentRecord): void {
    const value = encode(storedFragmentCodec, { ...record, version: VERSION });
    this.#fragments.putSync(hexToBytes(id, 32), value);
  }

  /** Within {@link change}. Its bytes go with it, if they are here. */
  dropFragment(id: Hex): void {
    const key = hexToBytes(id, 32);
    this.#fragments.removeSync(key);
    this.#bytes.removeSync(key);
  }

  bytesOf(id: Hex): Uint8Array | undefined {
    return this.#bytes.get(hexToBytes(id, 32));
  }

  /** Within {@link change}. */
  putBytes(id: Hex, bytes: Uint8Array): void {
    this.#bytes.putSync(hexToBytes(id, 32), bytes);
  }

  tagsOf(place: PiecePlace): Uint8Array | undefined {
    return this.#tags.get(encodePlace(place));
  }

  /** Within {@link change}. */
  putTags(place: PiecePlace, tags: Uint8Array): void {
    this.#tags.putSync(encodePlace(place), tags);
  }

  /** Up to `count` fragments in the order of their ids, after `after`. */
  fragmentsAfter(after: Hex | undefined, count: number): readonly [Hex, FragmentRecord][] {
    const start = after === undefined ? EMPTY : concatBytes(hexToBytes(after), Uint8Array.of(0));
    const range = this.#fragments.getRange({
      ...(start.length > 0 ? { start } : {}),
      limit: count,
    });
    return Array.from(range, ({ key, value }) => {
      return [bytesToHex(key), decodeFragment(value)];
    });
  }

  piece(place: PiecePlace): Piece | undefined {
    const value = this.#pieces.get(encodePlace(place));
    return value === undefined ? undefined : decodePiece(place, value);
  }

  /** Within {@link change}. */
  putPiece(piece: Piece): void {
    const place = encodePlace(piece);
    const before = this.piece(piece);
    if (before !== undefined) this.#unlink(before, place);
    this.#pieces.putSync(place, encodePiece(piece));
    this.#states.putSync(concatBytes(Uint8Array.of(piece.state), place), EMPTY);
    this.#references.putSync(concatBytes(hexToBytes(piece.fragmentId, 32), place), EMPTY);
  }

  /** Within {@link change}. Its tags go with it, if they are here. */
  dropPiece(piece: PiecePlace): void {
    const place = encodePlace(piece);
    const before = this.piece(piece);
    if (before === undefined) return;
    this.#unlink(before, place);
    this.#pieces.removeSync(place);
    this.#tags.removeSync(place);
  }

  /** Pieces of one column, in the order of segments. */
  piecesOfColumn(fid: Hex, column: number): readonly Piece[] {
    return this.#piecesUnder(columnPrefix(fid, column));
  }

  piecesOfFile(fid: Hex): readonly Piece[] {
    return this.#piecesUnder(hexToBytes(fid, 32));
  }

  /** Up to `count` pieces in a state, in the order of their places, after `after`. */
  piecesIn(state: number, count: number, after?: PiecePlace): readonly Piece[] {
    const prefix = Uint8Array.of(state);
    const last = after && concatBytes(prefix, encodePlace(after));
    const keys = this.#keysUnder(this.#states, prefix, { limit: count, after: last });
    return keys.map((key) => this.#pieceAt(key.subarray(1)));
  }

  piecesOfFragment(id: Hex): readonly Piece[] {
    const keys = this.#keysUnder(this.#references, hexToBytes(id, 32));
    return keys.map((key) => this.#pieceAt(key.subarray(32)));
  }

  isNeeded(fragmentId: Hex): boolean {
    return this.#keysUnder(this.#references, hexToBytes(fragmentId, 32), ONE).length > 0;
  }

  /** Within {@link change}. */
  markDirty(fid: Hex, height: number): void {
    this.#dirty.putSync(hexToBytes(fid, 32), encodeHeight(height));
  }

  /** With the height of the last event that said so. */
  dirtyFiles(count: number): readonly { readonly fid: Hex; readonly height: number }[] {
    return Array.from(this.#dirty.getRange({ limit: count }), ({ key, value }) => {
      return { fid: bytesToHex(key), height: decodeHeight(value) };
    });
  }

  /** Within {@link change}. Leaves the mark if a later event renewed it. */
  clearDirty(fid: Hex, height: number): void {
    const key = hexToBytes(fid, 32);
    const value = this.#dirty.get(key);
    if (value !== undefined && decodeHeight(value) === height) this.#dirty.removeSync(key);
  }

  /** Last block whose events were taken in. */
  get followedHeight(): number | undefined {
    const value = this.#meta.get(HEIGHT_KEY);
    return value === undefined ? undefined : decodeHeight(value);
  }

  /** Within {@link change}. */
  putFollowedHeight(height: number): void {
    this.#meta.putSync(HEIGHT_KEY, encodeHeight(height));
  }

  /** What all fragments take. PERF: reads every record; once, at the start. */
  sumFragments(): { readonly count: number; readonly sizeBytes: number } {
    let count = 0;
    let sizeBytes = 0;
    for (const { value } of this.#fragments.getRange()) {
      count += 1;
      sizeBytes += Number(decodeFragment(value).sizeBytes);
    }
    return { count, sizeBytes };
  }

  #unlink(piece: Piece, place: Uint8Array): void {
    this.#states.removeSync(concatBytes(Uint8Array.of(piece.state), place));
    this.#references.removeSync(concatBytes(hexToBytes(piece.fragmentId, 32), place));
  }

  #pieceAt(place: Uint8Array): Piece {
    return decodePiece(decodePlace(place), this.#pieces.get(place) as Uint8Array);
  }

  #piecesUnder(prefix: Uint8Array): readonly Piece[] {
    return this.#keysUnder(this.#pieces, prefix).map((key) => this.#pieceAt(key));
  }

  /** Keys that begin with `prefix`, in order. */
  #keysUnder(table: Table, prefix: Uint8Array, page: Page = {}): readonly Uint8Array[] {
    const { after, limit } = page;
    const start = asBuffer(after === undefined ? prefix : concatBytes(after, Uint8Array.of(0)));
    const end = concatBytes(prefix, KEY_END);
    const range = table.getKeys({ start, end, ...(limit === undefined ? {} : { limit }) });
    return Array.from(range, (key) => new Uint8Array(key));
  }
}

/** A part of a range of keys. */
interface Page {
  readonly limit?: number;
  readonly after?: Uint8Array | undefined;
}

const ONE: Page = { limit: 1 };
/** Above whatever may follow a prefix: no key has this many bytes of ones. */
const KEY_END = new Uint8Array(40).fill(0xff);

function decodeFragment(value: Uint8Array): FragmentRecord {
  const { version, ...record } = decode(storedFragmentCodec, value);
  assert.equal(version, VERSION);
  return record;
}

function encodeHeight(height: number): Uint8Array {
  return bigintToBytes(BigInt(height), 8);
}

function decodeHeight(value: Uint8Array): number {
  return Number(bytesToBigint(value));
}
