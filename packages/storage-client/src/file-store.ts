import type { Profile } from "@cess/params/profile";
import type { Hex } from "@cess/std/bytes";

/** Where the sealed bytes of an object, or of one part of it, lie in the network. */
export interface Extent {
  readonly fid: Hex;
  /** Size of the whole file that `fid` names; more than this extent if the file is a bundle. */
  readonly fileSizeBytes: number;
  readonly profileId: number;
  readonly territory: Hex;
  /** First sealed byte within the file. */
  readonly offset: number;
  readonly sealedBytes: number;
  /** Size before sealing. */
  readonly sizeBytes: number;
  /** 32 bytes: whoever has it can open the extent. Wrap it before it is persisted. */
  readonly dataKey: Uint8Array;
}

/** What goes on chain for a file: the placement and all receipts as one signature. */
export interface Declaration {
  readonly fid: Hex;
  readonly sizeBytes: number;
  readonly profileId: number;
  readonly territory: Hex;
  /** Last block that takes it; so long the miners keep the file for it. */
  readonly expiryBlock: bigint;
  /** Miner of each column; the zero address where none answered in time. */
  readonly placement: readonly Hex[];
  /** Aggregate BLS signature, 96 bytes. */
  readonly signature: Uint8Array;
}

/** `expiring` receipts are still good for a declaration; it is time to renew them. */
export type ReceiptState = "good" | "expiring" | "expired";

export interface StoredObject {
  readonly extent: Extent;
  /** Shared by all objects of one bundle. */
  readonly declaration: Declaration;
}

export interface WriteOptions {
  readonly territory: Hex;
  readonly profile: Profile;
  readonly signal: AbortSignal;
}

/** Bytes in and out of the network. Everything that enters is sealed first. */
export interface FileStore {
  /**
   * Stores a stream as a file of its own, holding one stripe of it in memory.
   *
   * Resolves once enough fragments of each segment are durable on distinct miners. Nothing is on
   * chain yet: persist the declaration together with the object's record, then have it declared.
   *
   * @throws StorageClientError if the body ends with an error, too few miners answer, or the
   *   signal aborts. Nothing needs to be undone: what miners hold unclaimed, they drop.
   */
  write(body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<StoredObject>;

  /** Like `write` for an object below 1 MiB: packed with its neighbours of the same moment. */
  writeSmall(body: Uint8Array, options: WriteOptions): Promise<StoredObject>;

  /**
   * Streams `range` of the object's own bytes, verified against the file id and opened.
   *
   * @throws StorageClientError with code `UNAVAILABLE` if fewer than k columns can be read.
   */
  read(
    extent: Extent,
    range: { readonly offset: number; readonly length: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;

  /**
   * The same file with receipts that expire later, from the miners that hold it still.
   *
   * @throws StorageClientError with code `TOO_FEW_NODES` if fewer do than an upload needs.
   */
  renew(declaration: Declaration, signal: AbortSignal): Promise<Declaration>;

  /** How long the receipts of a declaration are good for. */
  receiptState(declaration: Declaration): Promise<ReceiptState>;

  /** Tells the store of a file that is not on chain yet: after a restart, from the caller's log. */
  remember(declaration: Declaration): void;
}

/** Puts declarations on chain. Safe to repeat: a declared file stays as it is. */
export interface Declarer {
  /** Resolves once all of `batch` (at most 64) is final; rejects naming what was refused. */
  declare(batch: readonly Declaration[], signal: AbortSignal): Promise<void>;
  /** Gives up the territory's claim on `fids` (at most 256); unknown ones are skipped. */
  remove(territory: Hex, fids: readonly Hex[], signal: AbortSignal): Promise<void>;
}
