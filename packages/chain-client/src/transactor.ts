import type { ChainSpec } from "@cess/params/chain-spec";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { Semaphore } from "@cess/std/semaphore";
import { keccak256 } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import type { SendReceipt } from "./chain.ts";
import { ChainError } from "./error.ts";
import { type Rpc, rpcMessage } from "./rpc.ts";

export interface TransactorDeps {
  readonly rpc: Rpc;
  readonly spec: ChainSpec;
  readonly privateKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface TransactionRequest {
  readonly to: Hex;
  readonly data: Hex;
  readonly valueWei: bigint;
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

interface Submitted {
  readonly hash: Hex;
  readonly raw: Hex;
  readonly nonce: number;
  readonly fees: Fees;
}

/** A transaction that is on its way, in all the versions that went out. One of them gets in. */
interface Pending {
  readonly request: TransactionRequest;
  readonly gas: bigint;
  /** Newest last. */
  readonly versions: Submitted[];
}

interface RpcReceipt {
  readonly status: Hex;
  readonly blockNumber: Hex;
  readonly gasUsed: Hex;
}

const TIP_WEI = 1_000_000_000n;
/** Most gas that a transaction may ask for (EIP-7825). */
const TRANSACTION_GAS_MAX = 2n ** 24n;
const SUBMIT_ATTEMPTS = 4;
const TIMEOUT_BLOCKS = 90;
const REBROADCAST_BLOCKS = 4;
/** What a mempool asks for at least to replace a transaction by another of its nonce, in percent. */
const REPLACEMENT_PERCENT = 110n;

/**
 * Sends transactions of one account: one at a time into the mempool, so that nonces have no gaps,
 * and all at once through the wait for their blocks.
 */
export class Transactor {
  readonly account: Hex;
  readonly #deps: TransactorDeps;
  readonly #signer: PrivateKeyAccount;
  readonly #submitting = new Semaphore(1);
  /** Undefined until the first transaction, and after any doubt. */
  #nextNonce: number | undefined;

  constructor(deps: TransactorDeps) {
    this.#deps = deps;
    this.#signer = privateKeyToAccount(bytesToHex(deps.privateKey));
    this.account = this.#signer.address.toLowerCase() as Hex;
  }

  /** Resolves once the transaction is in a block and did what it should. */
  async send(request: TransactionRequest, signal?: AbortSignal): Promise<SendReceipt> {
    const { rpc, spec } = this.#deps;
    const call = toRpcCall(this.account, request);
    // A refusal is known here, before anything is paid for.
    const estimate = BigInt(await rpc<Hex>("eth_estimateGas", [call]));
    const gasMax = lesser(BigInt(spec.blockGasMax), TRANSACTION_GAS_MAX);
    // What others do until the block may cost a little more; builders reserve all that is asked for.
    const gas = lesser((estimate * 5n) / 4n + 21_000n, gasMax);
    const submitted = await this.#submitting.run(() => this.#submit(request, gas));
    const pending: Pending = { request, gas, versions: [submitted] };
    const { hash, receipt } = await this.#waitForReceipt(pending, signal);
    if (BigInt(receipt.status) === 1n) {
      const { blockNumber, gasUsed } = receipt;
      return {
        transactionHash: hash,
        height: Number(blockNumber),
        gasUsed: BigInt(gasUsed),
      };
    }
    await rpc("eth_call", [call, receipt.blockNumber]);
    throw new ChainError({ code: "CALL_REVERTED", call: hash });
  }

  async #submit(request: TransactionRequest, gas: bigint): Promise<Submitted> {
    const { rpc, spec, clock } = this.#deps;
    const fees = await this.#fees();
    for (let attempt = 1; ; attempt += 1) {
      const nonce =
        this.#nextNonce ??
        Number(await rpc<Hex>("eth_getTransactionCount", [this.account, "pending"]));
      const submitted = await this.#sign({ request, gas, nonce, fees });
      const outcome = await this.#broadcast(submitted);
      if (outcome === "accepted") {
        this.#nextNonce = nonce + 1;
        return submitted;
      }
      this.#nextNonce = undefined;
      if (attempt === SUBMIT_ATTEMPTS) throw outcome;
      await clock.sleep(spec.blockMs / 4);
    }
  }

  async #sign({
    request,
    gas,
    nonce,
    fees,
  }: Pick<Pending, "request" | "gas"> & Pick<Submitted, "nonce" | "fees">): Promise<Submitted> {
    const raw = await this.#signer.signTransaction({
      ...fees,
      type: "eip1559",
      chainId: this.#deps.spec.chainId,
      nonce,
      to: request.to,
      data: request.data,
      value: request.valueWei,
      gas,
    });
    return { raw, hash: keccak256(raw), nonce, fees };
  }

  async #fees(): Promise<Fees> {
    const latest = ["latest", false];
    const block = await this.#deps.rpc<{ baseFeePerGas?: Hex }>("eth_getBlockByNumber", latest);
    const maxFeePerGas = 2n * BigInt(block.baseFeePerGas ?? 0) + TIP_WEI;
    return { maxFeePerGas, maxPriorityFeePerGas: TIP_WEI };
  }

  /** The failure itself where another nonce, or another moment, may help. */
  async #broadcast({ raw, hash }: Submitted): Promise<"accepted" | ChainError> {
    const { rpc } = this.#deps;
    try {
      await rpc("eth_sendRawTransaction", [raw]);
      return "accepted";
    } catch (cause) {
      if (!(cause instanceof ChainError)) throw cause;
      // An answer may get lost on its way back: the node then has the transaction nevertheless.
      const known = await rpc("eth_getTransactionByHash", [hash]);
      return known === null ? cause : "accepted";
    }
  }

  async #waitForReceipt(
    pending: Pending,
    signal?: AbortSignal,
  ): Promise<{ readonly hash: Hex; readonly receipt: RpcReceipt }> {
    const { clock, spec } = this.#deps;
    const startMs = clock.nowMs();
    let rebroadcastMs = startMs + REBROADCAST_BLOCKS * spec.blockMs;
    for (;;) {
      if (signal?.aborted) throw new ChainError({ code: "ABORTED" });
      for (const { hash } of pending.versions) {
        const receipt = await this.#receiptOf(hash);
        if (receipt !== null) return { hash, receipt };
      }
      const nowMs = clock.nowMs();
      if (nowMs - startMs > TIMEOUT_BLOCKS * spec.blockMs) {
        this.#nextNonce = undefined;
        const { hash } = newestOf(pending);
        throw new ChainError({ code: "TRANSACTION_TIMEOUT", hash, waitedMs: nowMs - startMs });
      }
      if (nowMs > rebroadcastMs) {
        rebroadcastMs = nowMs + REBROADCAST_BLOCKS * spec.blockMs;
        await this.#rebroadcast(pending);
      }
      await clock.sleep(spec.blockMs / 4, signal);
    }
  }

  /** Null as well while the node does not answer: the transaction is on its way either way. */
  async #receiptOf(hash: Hex): Promise<RpcReceipt | null> {
    try {
      return await this.#deps.rpc<RpcReceipt | null>("eth_getTransactionReceipt", [hash]);
    } catch (cause) {
      if (hasCode(cause, "RPC_FAILED")) return null;
      throw cause;
    }
  }

  /**
   * A mempool may have dropped it, for instance when its node restarted; or fees have risen above
   * what it offers, and then all later transactions of the account wait behind it.
   */
  async #rebroadcast(pending: Pending): Promise<void> {
    const last = newestOf(pending);
    const fees = raised(last.fees, await this.#fees());
    const next = fees === undefined ? last : await this.#sign({ ...pending, ...last, fees });
    this.#deps.log.debug("sending a transaction again", {
      hash: next.hash,
      isRaised: next !== last,
    });
    const outcome = await this.#broadcast(next);
    if (outcome === "accepted") {
      if (next !== last) pending.versions.push(next);
      return;
    }
    if (!rpcMessage(outcome).includes("nonce too low")) return;
    // One of our own versions may be in the block that has just come.
    for (const { hash } of pending.versions) if ((await this.#receiptOf(hash)) !== null) return;
    this.#nextNonce = undefined;
    throw new ChainError({ code: "TRANSACTION_REPLACED", hash: last.hash }, { cause: outcome });
  }
}

function newestOf({ versions }: Pending): Submitted {
  return versions.at(-1) as Submitted;
}

/** Fees for a replacement, if the market now asks for more than was offered. */
function raised(offered: Fees, asked: Fees): Fees | undefined {
  if (asked.maxFeePerGas <= offered.maxFeePerGas) return undefined;
  const least = (wei: bigint) => (wei * REPLACEMENT_PERCENT) / 100n + 1n;
  const greater = (left: bigint, right: bigint) => (left > right ? left : right);
  return {
    maxFeePerGas: greater(asked.maxFeePerGas, least(offered.maxFeePerGas)),
    maxPriorityFeePerGas: least(offered.maxPriorityFeePerGas),
  };
}

function toRpcCall(from: Hex, { to, data, valueWei }: TransactionRequest): object {
  return { from, to, data, value: `0x${valueWei.toString(16)}` };
}

function lesser(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
