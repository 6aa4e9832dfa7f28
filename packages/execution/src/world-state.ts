/**
 * Accounts, code and storage as the EVM sees them: reads through to the tries of one state root,
 * keeps what changes in memory with an undo log, and writes tries once, when the root is asked for.
 *
 * Storage values may have any length, so that a module's record is one slot that `eth_getProof` can
 * prove; the EVM's own writes are at most 32 bytes without leading zeros, as everywhere.
 * @module
 */
import assert from "node:assert/strict";
import { keccak256 } from "@cess/crypto/secp256k1";
import type { AccountFields, StateManagerInterface } from "@ethereumjs/common";
import { RLP } from "@ethereumjs/rlp";
import { OriginalStorageCache } from "@ethereumjs/statemanager";
import { Account, type Address, createAccountFromRLP } from "@ethereumjs/util";
import { type NodeReader, type NodeWriter, readTrie, type TrieUpdate, updateTrie } from "./trie.ts";
import { EMPTY_ROOT } from "./trie-node.ts";

export interface CodeReader {
  code(hash: Uint8Array): Uint8Array;
}

/** What a block adds to the database besides itself. */
export interface StateChanges {
  readonly nodes: ReadonlyMap<string, { hash: Uint8Array; encoded: Uint8Array }>;
  readonly codes: ReadonlyMap<string, { hash: Uint8Array; code: Uint8Array }>;
}

type Slots = Map<string, Uint8Array>;

const EMPTY = new Uint8Array();
const EMPTY_CODE_HASH = keccak256(EMPTY);

export class WorldState implements StateManagerInterface {
  readonly originalStorageCache: OriginalStorageCache;
  readonly #nodes: NodeReader & CodeReader;
  readonly #root: Uint8Array;
  readonly #accounts = new Map<string, Account | undefined>();
  readonly #slots = new Map<string, Slots>();
  /** Accounts whose storage starts from nothing, whatever the trie holds. */
  readonly #cleared = new Set<string>();
  readonly #changedAccounts = new Set<string>();
  readonly #changedSlots = new Map<string, Set<string>>();
  readonly #codes = new Map<string, { hash: Uint8Array; code: Uint8Array }>();
  /** Undoes every change since the first open checkpoint, newest last. */
  readonly #undo: (() => void)[] = [];
  /** Length of the undo log at each open checkpoint. */
  readonly #checkpoints: number[] = [];

  constructor(nodes: NodeReader & CodeReader, root: Uint8Array) {
    this.#nodes = nodes;
    this.#root = root;
    this.originalStorageCache = new OriginalStorageCache((address, key) =>
      this.getStorage(address, key),
    );
  }

  async getAccount(address: Address): Promise<Account | undefined> {
    const account = this.#account(keyOf(address.bytes));
    return account === undefined ? undefined : copyAccount(account);
  }

  async putAccount(address: Address, account?: Account): Promise<void> {
    const key = keyOf(address.bytes);
    this.#setAccount(key, account === undefined ? undefined : copyAccount(account));
  }

  async deleteAccount(address: Address): Promise<void> {
    this.#setAccount(keyOf(address.bytes), undefined);
    await this.clearStorage(address);
  }

  async modifyAccountFields(address: Address, fields: AccountFields): Promise<void> {
    const account = (await this.getAccount(address)) ?? new Account();
    account.nonce = fields.nonce ?? account.nonce;
    account.balance = fields.balance ?? account.balance;
    account.codeHash = fields.codeHash ?? account.codeHash;
    await this.putAccount(address, account);
  }

  async putCode(address: Address, code: Uint8Array): Promise<void> {
    const hash = keccak256(code);
    // Code is named by its hash, so code of a reverted call is only never asked for.
    if (code.length > 0) this.#codes.set(keyOf(hash), { hash, code });
    await this.modifyAccountFields(address, { codeHash: hash });
  }

  async getCode(address: Address): Promise<Uint8Array> {
    const account = this.#account(keyOf(address.bytes));
    if (account === undefined || keyOf(account.codeHash) === keyOf(EMPTY_CODE_HASH)) return EMPTY;
    return this.#codes.get(keyOf(account.codeHash))?.code ?? this.#nodes.code(account.codeHash);
  }

  async getCodeSize(address: Address): Promise<number> {
    return (await this.getCode(address)).length;
  }

  async getStorage(address: Address, key: Uint8Array): Promise<Uint8Array> {
    return this.getRecord(address, key);
  }

  async putStorage(address: Address, key: Uint8Array, value: Uint8Array): Promise<void> {
    assert(value.length <= 32);
    let start = 0;
    while (start < value.length && value[start] === 0) start += 1;
    this.putRecord(address, key, value.slice(start));
  }

  /** The value of a slot, of any length; empty if the slot is. */
  getRecord(address: Address, key: Uint8Array): Uint8Array {
    assert.equal(key.length, 32);
    const owner = keyOf(address.bytes);
    const slots = this.#slotsOf(owner);
    const slot = keyOf(key);
    const known = slots.get(slot);
    if (known !== undefined) return known;
    const stored = readTrie(this.#nodes, this.#storageRoot(owner), keccak256(key));
    const value = stored === undefined ? EMPTY : (RLP.decode(stored) as Uint8Array);
    slots.set(slot, value);
    return value;
  }

  /** Sets a slot to a value of any length; the empty one deletes it. */
  putRecord(address: Address, key: Uint8Array, value: Uint8Array): void {
    const before = this.getRecord(address, key);
    const owner = keyOf(address.bytes);
    assert(this.#account(owner) !== undefined, "storage of an account that does not exist");
    const slots = this.#slotsOf(owner);
    const slot = keyOf(key);
    this.#change(() => slots.set(slot, before));
    slots.set(slot, value);
    const changed = this.#changedSlots.get(owner) ?? new Set<string>();
    this.#changedSlots.set(owner, changed.add(slot));
    this.#changedAccounts.add(owner);
  }

  async clearStorage(address: Address): Promise<void> {
    const owner = keyOf(address.bytes);
    const before = this.#slots.get(owner);
    const wasCleared = this.#cleared.has(owner);
    this.#change(() => {
      if (before === undefined) this.#slots.delete(owner);
      else this.#slots.set(owner, before);
      if (!wasCleared) this.#cleared.delete(owner);
    });
    this.#slots.set(owner, new Map());
    this.#cleared.add(owner);
    this.#changedAccounts.add(owner);
  }

  async checkpoint(): Promise<void> {
    this.#checkpoints.push(this.#undo.length);
  }

  async commit(): Promise<void> {
    assert(this.#checkpoints.pop() !== undefined, "no checkpoint to commit");
    if (this.#checkpoints.length === 0) this.#undo.length = 0;
  }

  async revert(): Promise<void> {
    const length = this.#checkpoints.pop();
    assert(length !== undefined, "no checkpoint to revert to");
    while (this.#undo.length > length) this.#undo.pop()?.();
  }

  /** Undoes everything since the outermost open checkpoint, which is closed. */
  revertAll(): void {
    this.#checkpoints.length = 0;
    while (this.#undo.length > 0) this.#undo.pop()?.();
  }

  async getStateRoot(): Promise<Uint8Array> {
    return this.seal().root;
  }

  /** Builds the tries of the present state. Reads and writes may go on afterwards. */
  seal(): { readonly root: Uint8Array; readonly changes: StateChanges } {
    assert.equal(this.#checkpoints.length, 0, "a checkpoint is open");
    const nodes = new Map<string, { hash: Uint8Array; encoded: Uint8Array }>();
    const into: NodeWriter = {
      put: (hash, encoded) => void nodes.set(keyOf(hash), { hash, encoded }),
    };
    const updates: TrieUpdate[] = [];
    for (const owner of this.#changedAccounts) {
      const account = this.#account(owner);
      const value = account === undefined ? undefined : this.#sealAccount(owner, account, into);
      updates.push({ key: keccak256(fromKey(owner)), value });
    }
    const root = updateTrie(this.#nodes, into, { root: this.#root, updates });
    return { root, changes: { nodes, codes: this.#codes } };
  }

  #sealAccount(owner: string, account: Account, into: NodeWriter): Uint8Array {
    const slots = this.#slots.get(owner);
    const updates: TrieUpdate[] = [];
    for (const slot of this.#changedSlots.get(owner) ?? []) {
      // A slot that was written before its account was cleared is not among the slots any more.
      const value = slots?.get(slot) ?? EMPTY;
      const stored = value.length === 0 ? undefined : RLP.encode(value);
      updates.push({ key: keccak256(fromKey(slot)), value: stored });
    }
    const sealed = copyAccount(account);
    sealed.storageRoot = updateTrie(this.#nodes, into, { root: this.#storageRoot(owner), updates });
    return sealed.serialize();
  }

  /** Root of the account's storage at the state root that all this started from. */
  #storageRoot(owner: string): Uint8Array {
    if (this.#cleared.has(owner)) return EMPTY_ROOT;
    return this.#account(owner)?.storageRoot ?? EMPTY_ROOT;
  }

  #account(key: string): Account | undefined {
    if (this.#accounts.has(key)) return this.#accounts.get(key);
    const stored = readTrie(this.#nodes, this.#root, keccak256(fromKey(key)));
    const account = stored === undefined ? undefined : createAccountFromRLP(stored);
    this.#accounts.set(key, account);
    return account;
  }

  #setAccount(key: string, account: Account | undefined): void {
    const before = this.#account(key);
    this.#change(() => this.#accounts.set(key, before));
    this.#accounts.set(key, account);
    this.#changedAccounts.add(key);
  }

  #slotsOf(owner: string): Slots {
    const slots = this.#slots.get(owner) ?? new Map<string, Uint8Array>();
    this.#slots.set(owner, slots);
    return slots;
  }

  #change(undo: () => void): void {
    if (this.#checkpoints.length > 0) this.#undo.push(undo);
  }

  async setStateRoot(): Promise<void> {
    assert.fail("a world state stands on one root");
  }

  async hasStateRoot(): Promise<boolean> {
    assert.fail("a world state stands on one root");
  }

  clearCaches(): void {
    assert.fail("what changed is only in memory until it is sealed");
  }

  shallowCopy(): StateManagerInterface {
    return new WorldState(this.#nodes, this.#root);
  }
}

/** Two maps and a set are keyed by it; latin1 is one character a byte and the cheapest to make. */
function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function fromKey(key: string): Uint8Array {
  return new Uint8Array(Buffer.from(key, "latin1"));
}

function copyAccount(account: Account): Account {
  return new Account(account.nonce, account.balance, account.storageRoot, account.codeHash);
}
