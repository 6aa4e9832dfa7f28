/**
 * Transactions that wait for a block: by sender and nonce, best price first.
 * @module
 */
import type { Clock } from "@cess/runtime/clock";
import type { Hex } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { MIB } from "@cess/std/units";
import { MempoolError } from "./mempool-error.ts";

/** What the application says of a transaction that may wait. */
export interface CheckedTransaction {
  readonly hash: Hex;
  readonly raw: Uint8Array;
  readonly sender: Hex;
  readonly nonce: bigint;
  /** Next nonce of the sender's account at the head. */
  readonly accountNonce: bigint;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly sizeBytes: number;
}

export interface MempoolApplication {
  /** @throws CodedError if the transaction can never run, or its sender cannot pay for it. */
  checkTransaction(raw: Uint8Array): Promise<CheckedTransaction>;
  accountAt(address: Hex, at: "latest"): Promise<{ readonly nonce: bigint }>;
}

export interface MempoolDeps {
  readonly application: MempoolApplication;
  readonly clock: Clock;
}

export interface Mempool {
  readonly count: number;
  readonly sizeBytes: number;
  /**
   * Takes a signed transaction.
   *
   * @returns its hash.
   * @throws MempoolError, or what the application refuses it with.
   */
  add(raw: Uint8Array): Promise<Hex>;
  /** As {@link Mempool.add}, for one that a peer tells of: it tells the others itself. */
  addFromPeer(raw: Uint8Array): Promise<Hex>;
  get(hash: Hex): CheckedTransaction | undefined;
  /** Waiting transactions in no particular order. */
  all(): Iterable<CheckedTransaction>;
  /** Nonce of the next transaction of `sender`, after those that wait. */
  pendingNonce(sender: Hex): Promise<bigint>;
  /** Candidates for a block, best first, each after those of its sender that it builds on. */
  pick(): readonly Uint8Array[];
  remove(hashes: readonly Hex[]): void;
  /** Drops what a block included or made impossible. */
  onCommitted(included: readonly Hex[]): Promise<void>;
  onAdded(listener: AddedListener): () => void;
}

export type AddedListener = (transaction: CheckedTransaction, origin: "local" | "peer") => void;

interface Waiting extends CheckedTransaction {
  readonly arrival: number;
  readonly expiresMs: number;
}

interface Sender {
  accountNonce: bigint;
  readonly byNonce: Map<bigint, Waiting>;
}

const COUNT_MAX = 10_000;
const BYTES_MAX = 64 * MIB;
const PER_SENDER_MAX = 64;
const LIFETIME_MS = 3 * 60 * 60 * 1000;
/** Senders that are checked again after each block, besides those that the block names. */
const RECHECKED_MAX = 64;
const REPLACEMENT_PERCENT = 110n;
const BLOCK_BYTES_WANTED = 7 * MIB;

export function createMempool(
  deps: MempoolDeps,
  options: { readonly blockGasMax: number },
): Mempool {
  return new WaitingRoom(deps, BigInt(options.blockGasMax));
}

class WaitingRoom implements Mempool {
  readonly #deps: MempoolDeps;
  readonly #blockGasMax: bigint;
  readonly #byHash = new Map<Hex, Waiting>();
  readonly #senders = new Map<Hex, Sender>();
  readonly #listeners = new Set<AddedListener>();
  #sizeBytes = 0;
  #arrivals = 0;

  constructor(deps: MempoolDeps, blockGasMax: bigint) {
    this.#deps = deps;
    this.#blockGasMax = blockGasMax;
  }

  get count(): number {
    return this.#byHash.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(raw: Uint8Array): Promise<Hex> {
    return this.#add(raw, "local");
  }

  addFromPeer(raw: Uint8Array): Promise<Hex> {
    return this.#add(raw, "peer");
  }

  async #add(raw: Uint8Array, origin: "local" | "peer"): Promise<Hex> {
    const checked = await this.#deps.application.checkTransaction(raw);
    const { hash, sender, nonce, accountNonce } = checked;
    if (this.#byHash.has(hash)) throw new MempoolError({ code: "ALREADY_KNOWN", hash });
    const nonceMax = accountNonce + BigInt(PER_SENDER_MAX) - 1n;
    if (nonce > nonceMax) throw new MempoolError({ code: "NONCE_TOO_FAR", nonce, nonceMax });
    const known = this.#senders.get(sender)?.byNonce.get(nonce);
    if (known !== undefined) assertOutbids(checked, known);
    else this.#makeRoom(checked);
    if (known !== undefined) this.#drop(known);
    this.#insert({
      ...checked,
      arrival: this.#arrivals,
      expiresMs: this.#deps.clock.nowMs() + LIFETIME_MS,
    });
    this.#arrivals += 1;
    for (const listener of this.#listeners) listener(checked, origin);
    return hash;
  }

  get(hash: Hex): CheckedTransaction | undefined {
    return this.#byHash.get(hash);
  }

  all(): Iterable<CheckedTransaction> {
    return this.#byHash.values();
  }

  async pendingNonce(sender: Hex): Promise<bigint> {
    const known = this.#senders.get(sender);
    let nonce = (await this.#deps.application.accountAt(sender, "latest")).nonce;
    while (known?.byNonce.has(nonce)) nonce += 1n;
    return nonce;
  }

  /**
   * A transaction ranks by the lowest tip among itself and those before it of its sender, so a
   * sort by rank never puts one before what it builds on.
   */
  pick(): readonly Uint8Array[] {
    const ready = [...this.#senders.values()].flatMap(rankReady);
    ready.sort((left, right) => {
      if (left.tip !== right.tip) return left.tip > right.tip ? -1 : 1;
      if (left.arrival !== right.arrival) return left.arrival - right.arrival;
      return left.transaction.nonce < right.transaction.nonce ? -1 : 1;
    });
    const picked: Uint8Array[] = [];
    let gas = 0n;
    let sizeBytes = 0;
    for (const { transaction } of ready) {
      gas += transaction.gasLimit;
      sizeBytes += transaction.sizeBytes;
      // Gas limits overstate what is used: offer two blocks' worth, the builder takes what fits.
      if (gas > 2n * this.#blockGasMax || sizeBytes > BLOCK_BYTES_WANTED) break;
      picked.push(transaction.raw);
    }
    return picked;
  }

  remove(hashes: readonly Hex[]): void {
    for (const hash of hashes) {
      const waiting = this.#byHash.get(hash);
      if (waiting !== undefined) this.#drop(waiting);
    }
  }

  async onCommitted(included: readonly Hex[]): Promise<void> {
    const affected = new Set<Hex>();
    for (const hash of included) {
      const sender = this.#byHash.get(hash)?.sender;
      if (sender !== undefined) affected.add(sender);
    }
    this.remove(included);
    for (const sender of this.#senders.keys()) {
      if (affected.size >= included.length + RECHECKED_MAX) break;
      affected.add(sender);
    }
    for (const address of affected) await this.#recheck(address);
  }

  onAdded(listener: AddedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #recheck(address: Hex): Promise<void> {
    const sender = this.#senders.get(address);
    if (sender === undefined) return;
    // Moved to the end: the next block's turn is another sender's.
    this.#senders.delete(address);
    this.#senders.set(address, sender);
    for (const waiting of [...sender.byNonce.values()]) {
      try {
        const checked = await this.#deps.application.checkTransaction(waiting.raw);
        sender.accountNonce = checked.accountNonce;
        if (waiting.expiresMs <= this.#deps.clock.nowMs()) this.#drop(waiting);
      } catch (cause) {
        if (!(cause instanceof CodedError)) throw cause;
        // A base fee that rose may fall again; whatever else is wrong stays so.
        if ((cause.detail as { code: string }).code !== "FEE_TOO_LOW") this.#drop(waiting);
      }
    }
  }

  /** Evicts cheaper transactions until `incoming` fits, or refuses it. */
  #makeRoom(incoming: CheckedTransaction): void {
    const fits = () =>
      this.#byHash.size < COUNT_MAX && this.#sizeBytes + incoming.sizeBytes <= BYTES_MAX;
    while (!fits()) {
      const victim = this.#cheapestTail();
      if (victim === undefined || tipOf(victim) >= tipOf(incoming)) {
        const neededFeePerGas = (victim === undefined ? 0n : tipOf(victim)) + 1n;
        throw new MempoolError({ code: "UNDERPRICED", neededFeePerGas });
      }
      this.#drop(victim);
    }
  }

  /**
   * The last transaction of the sender whose last is cheapest: nothing builds on it.
   * PERF: grows with the number of senders; only a full pool pays it.
   */
  #cheapestTail(): Waiting | undefined {
    let cheapest: Waiting | undefined;
    for (const { byNonce } of this.#senders.values()) {
      let tail: Waiting | undefined;
      for (const waiting of byNonce.values()) {
        if (tail === undefined || waiting.nonce > tail.nonce) tail = waiting;
      }
      if (tail === undefined) continue;
      if (cheapest === undefined || tipOf(tail) < tipOf(cheapest)) cheapest = tail;
    }
    return cheapest;
  }

  #insert(waiting: Waiting): void {
    const { sender: address, accountNonce } = waiting;
    const sender = this.#senders.get(address) ?? { accountNonce, byNonce: new Map() };
    sender.accountNonce = accountNonce;
    sender.byNonce.set(waiting.nonce, waiting);
    this.#senders.set(address, sender);
    this.#byHash.set(waiting.hash, waiting);
    this.#sizeBytes += waiting.sizeBytes;
  }

  #drop(waiting: Waiting): void {
    if (!this.#byHash.delete(waiting.hash)) return;
    this.#sizeBytes -= waiting.sizeBytes;
    const sender = this.#senders.get(waiting.sender);
    sender?.byNonce.delete(waiting.nonce);
    if (sender?.byNonce.size === 0) this.#senders.delete(waiting.sender);
  }
}

interface Ranked {
  readonly transaction: Waiting;
  readonly tip: bigint;
  readonly arrival: number;
}

/** What of a sender could run now: an unbroken run of nonces from its account's on. */
function rankReady({ accountNonce, byNonce }: Sender): readonly Ranked[] {
  const ranked: Ranked[] = [];
  let before: Ranked | undefined;
  for (let nonce = accountNonce; ; nonce += 1n) {
    const transaction = byNonce.get(nonce);
    if (transaction === undefined) return ranked;
    const tip = tipOf(transaction);
    before = {
      transaction,
      tip: before === undefined || tip < before.tip ? tip : before.tip,
      arrival: Math.max(transaction.arrival, before?.arrival ?? 0),
    };
    ranked.push(before);
  }
}

function tipOf({ maxFeePerGas, maxPriorityFeePerGas }: CheckedTransaction): bigint {
  return maxPriorityFeePerGas < maxFeePerGas ? maxPriorityFeePerGas : maxFeePerGas;
}

/** A replacement pays a tenth more by both measures, so that replacing is never free. */
function assertOutbids(incoming: CheckedTransaction, known: CheckedTransaction): void {
  const needed = (known.maxFeePerGas * REPLACEMENT_PERCENT + 99n) / 100n;
  const neededTip = (known.maxPriorityFeePerGas * REPLACEMENT_PERCENT + 99n) / 100n;
  if (incoming.maxFeePerGas >= needed && incoming.maxPriorityFeePerGas >= neededTip) return;
  throw new MempoolError({ code: "REPLACEMENT_UNDERPRICED", neededFeePerGas: needed });
}
