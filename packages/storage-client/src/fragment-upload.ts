import { bytesToHex } from "@cess/std/bytes";
import { ByteChannel } from "./byte-channel.ts";
import { StorageClientError } from "./error.ts";
import type { NodeClient } from "./node-client.ts";
import type { StorageMiner } from "./placement.ts";

/** Leaves that may wait for a slow node: 512 KiB. All columns of all uploads add up. */
const CHUNKS_MAX = 8;

/** One fragment on its way to one miner. Whatever goes wrong is kept as `failure`, not thrown. */
export class FragmentUpload {
  readonly miner: StorageMiner;
  readonly #channel = new ByteChannel(CHUNKS_MAX);
  readonly #leave = new AbortController();
  readonly #done: Promise<string | undefined>;
  #failure: StorageClientError | undefined;

  constructor(nodes: NodeClient, miner: StorageMiner, signal: AbortSignal) {
    this.miner = miner;
    const stop = AbortSignal.any([signal, this.#leave.signal]);
    this.#done = nodes.storeFragment(miner, this.#channel, stop).catch((cause: unknown) => {
      if (!(cause instanceof StorageClientError)) throw cause;
      this.#fail(cause);
      return undefined;
    });
    // An error that is no node's fault surfaces where `finish` is awaited.
    this.#done.catch(() => this.#channel.abandon());
  }

  get failure(): StorageClientError | undefined {
    return this.#failure;
  }

  get hasRoom(): boolean {
    return this.#channel.hasRoom;
  }

  room(): Promise<void> {
    return this.#channel.room();
  }

  push(chunk: Uint8Array): void {
    if (this.#failure === undefined) this.#channel.push(chunk);
  }

  /** Gives up on a node that holds the others up. */
  giveUp(reason: string): void {
    const { account } = this.miner;
    const failure = new StorageClientError({ code: "NODE_FAILED", account, status: 0, reason });
    this.#fail(failure);
    this.#leave.abort(failure);
  }

  /** Ends an upload that nobody needs any more, which is not the node's fault. */
  cancel(): void {
    this.#leave.abort();
    this.#channel.abandon();
  }

  /** Resolves once the node has answered; true if it has exactly the fragment `id`. */
  async finish(id: Uint8Array): Promise<boolean> {
    this.#channel.end();
    const found = await this.#done;
    if (this.#failure !== undefined) return false;
    if (found === bytesToHex(id)) return true;
    this.giveUp("it stored other bytes than it was sent");
    return false;
  }

  #fail(failure: StorageClientError): void {
    this.#failure ??= failure;
    this.#channel.abandon();
  }
}
