/**
 * What a validator must not forget: commits, the journal of the height it works on, and what it
 * signed last. One LMDB environment; every write is on disk when its promise resolves.
 * @module
 */
import assert from "node:assert/strict";
import { bool, type Codec, decode, encode, struct, u8, u32, u64, union } from "@cess/codec/codec";
import type { CommitCertificate } from "@cess/consensus/certificate";
import { type SignRecord, signRecordCodec } from "@cess/consensus/sign-guard";
import {
  type Proposal,
  proposalCodec,
  type Step,
  type Vote,
  voteCodec,
} from "@cess/consensus/votes";
import { asBuffer, bigintToBytes, utf8ToBytes } from "@cess/std/bytes";
import { type Database, open, type RootDatabase } from "lmdb";
import { ChainError } from "./error.ts";
import { type Body, bodyCodec, type CommitRecord, commitRecordCodec } from "./messages.ts";

/** An input of the consensus machine, as it is written down before anything follows from it. */
export type JournalEntry =
  | {
      readonly kind: "proposal";
      readonly proposal: Proposal;
      readonly body: Body;
      readonly isValid: boolean;
    }
  | { readonly kind: "vote"; readonly vote: Vote }
  | {
      readonly kind: "timeout";
      readonly height: bigint;
      readonly round: number;
      readonly step: Step;
    };

export interface JournalWrite {
  readonly height: bigint;
  readonly entries: readonly JournalEntry[];
  /** What was signed last; undefined for nothing new. */
  readonly signed: SignRecord | undefined;
}

/** Durable memory of a chain node. */
export interface ChainStore {
  lastSigned(): SignRecord | undefined;
  /** Entries of `height` in the order written. */
  journal(height: bigint): readonly JournalEntry[];
  /** Adds to the journal; entries of other heights are dropped with the first write of one. */
  append(write: JournalWrite): Promise<void>;
  commitAt(height: bigint): CommitRecord | undefined;
  /** Records why a block is final, and with it the one certificate of its parent that counts. */
  putCommit(commit: CommitRecord, parentCertificate: CommitCertificate | undefined): Promise<void>;
  close(): Promise<void>;
}

type Table = Database<Uint8Array, Buffer>;

const MAP_BYTES_MAX = 64 * 1024 ** 3;
const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;
const VERSION = 1;
const STEPS: readonly Step[] = ["propose", "prevote", "precommit"];
const IDENTITY_KEY = key(utf8ToBytes("identity"));

const stepCodec: Codec<Step> = {
  sizeBytes: () => 1,
  write: (step, into) => u8.write(STEPS.indexOf(step), into),
  read(from) {
    const step = STEPS[u8.read(from)];
    assert(step !== undefined, "the journal holds only what was written to it");
    return step;
  },
};

const entryCodec = struct<{ version: number; entry: JournalEntry }>({
  version: u8,
  entry: union<JournalEntry>({
    proposal: struct({ proposal: proposalCodec, body: bodyCodec, isValid: bool }),
    vote: struct({ vote: voteCodec }),
    timeout: struct({ height: u64, round: u32, step: stepCodec }),
  }),
});

export interface ChainStoreOptions {
  readonly directory: string;
  /** Names the chain: a store is never opened for another. */
  readonly identity: Uint8Array;
  /** Whose signatures are remembered; a follower signs nothing. */
  readonly account: string;
}

/** @throws ChainError `STORE_FOREIGN` */
export async function openChainStore(options: ChainStoreOptions): Promise<ChainStore> {
  const root = open<Uint8Array, Buffer>({
    path: options.directory,
    maxDbs: 4,
    mapSize: MAP_BYTES_MAX,
    // A promise of a write resolves when the write is on disk, not merely visible.
    overlappingSync: false,
    ...BINARY,
  });
  const store = new LMDBChainStore(root, options.account);
  const known = store.identity();
  if (known !== undefined && !asBuffer(known).equals(options.identity)) {
    await root.close();
    throw new ChainError({ code: "STORE_FOREIGN", directory: options.directory });
  }
  if (known === undefined) await store.putIdentity(options.identity);
  return store;
}

class LMDBChainStore implements ChainStore {
  readonly #root: RootDatabase<Uint8Array, Buffer>;
  readonly #commits: Table;
  readonly #journal: Table;
  readonly #meta: Table;
  readonly #signedKey: Buffer;
  #sequence = 0;
  #journalHeight: bigint | undefined;

  constructor(root: RootDatabase<Uint8Array, Buffer>, account: string) {
    this.#root = root;
    this.#signedKey = key(utf8ToBytes(`signed/${account}`));
    this.#commits = root.openDB({ name: "commits", ...BINARY });
    this.#journal = root.openDB({ name: "journal", ...BINARY });
    this.#meta = root.openDB({ name: "meta", ...BINARY });
  }

  identity(): Uint8Array | undefined {
    return this.#meta.get(IDENTITY_KEY);
  }

  async putIdentity(identity: Uint8Array): Promise<void> {
    await this.#meta.put(IDENTITY_KEY, asBuffer(identity));
  }

  lastSigned(): SignRecord | undefined {
    const bytes = this.#meta.get(this.#signedKey);
    return bytes === undefined ? undefined : decode(signRecordCodec, bytes);
  }

  journal(height: bigint): readonly JournalEntry[] {
    const entries: JournalEntry[] = [];
    for (const { key: at, value } of this.#journal.getRange({})) {
      if (asBuffer(at).readBigUInt64BE() !== height) continue;
      this.#journalHeight = height;
      this.#sequence = asBuffer(at).readUInt32BE(8) + 1;
      entries.push(decode(entryCodec, value).entry);
    }
    return entries;
  }

  async append({ height, entries, signed }: JournalWrite): Promise<void> {
    const isNewHeight = height !== this.#journalHeight;
    if (isNewHeight) this.#sequence = 0;
    this.#journalHeight = height;
    await this.#root.transaction(() => {
      if (isNewHeight) {
        for (const at of this.#journal.getKeys({})) this.#journal.remove(at);
      }
      for (const entry of entries) {
        const at = Buffer.concat([
          heightKey(height),
          key(bigintToBytes(BigInt(this.#sequence), 4)),
        ]);
        this.#journal.put(at, encode(entryCodec, { version: VERSION, entry }));
        this.#sequence += 1;
      }
      if (signed !== undefined) this.#meta.put(this.#signedKey, encode(signRecordCodec, signed));
    });
  }

  commitAt(height: bigint): CommitRecord | undefined {
    const bytes = this.#commits.get(heightKey(height));
    return bytes === undefined ? undefined : decode(commitRecordCodec, bytes);
  }

  async putCommit(
    commit: CommitRecord,
    parentCertificate: CommitCertificate | undefined,
  ): Promise<void> {
    const { height } = commit.certificate;
    await this.#root.transaction(() => {
      this.#commits.put(heightKey(height), encode(commitRecordCodec, commit));
      const parent = this.commitAt(height - 1n);
      if (parentCertificate === undefined || parent === undefined) return;
      const counted = encode(commitRecordCodec, { ...parent, certificate: parentCertificate });
      this.#commits.put(heightKey(height - 1n), counted);
    });
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}

function key(bytes: Uint8Array): Buffer {
  return asBuffer(bytes);
}

function heightKey(height: bigint): Buffer {
  return key(bigintToBytes(height, 8));
}
