/**
 * Runs calls that change nothing: what `eth_call` and `eth_estimateGas` ask.
 * @module
 */
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type { Block } from "@ethereumjs/block";
import { EVMError, type ExecResult } from "@ethereumjs/evm";
import { createFeeMarket1559Tx, type FeeMarket1559Tx } from "@ethereumjs/tx";
import { Address, bigIntMax, bigIntMin } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import { createRunningBlock } from "./block-format.ts";
import { createBlockHashes } from "./block-runner.ts";
import type { BlockSummary } from "./block-summary.ts";
import { CallCache } from "./call-cache.ts";
import { type BlockReference, ChainReader } from "./chain-reader.ts";
import { ExecutionError } from "./error.ts";
import { type ModuleResult, runModule } from "./module-call.ts";
import { ModuleEVM } from "./module-evm.ts";
import { addBalance } from "./module-host.ts";
import { gasBoundsOf, TRANSACTION_GAS_MAX } from "./transaction.ts";
import type { WorldState } from "./world-state.ts";

export interface CallRequest {
  /** The zero address if left out. */
  readonly from?: Hex;
  /** Left out to create a contract. */
  readonly to?: Hex;
  readonly data?: Uint8Array;
  readonly valueWei?: bigint;
  readonly gas?: bigint;
  readonly gasPrice?: bigint;
  readonly accessList?: readonly AccessListEntry[];
}

export interface AccessListEntry {
  readonly address: Hex;
  readonly storageKeys: readonly Hex[];
}

/** Most gas of a call that changes nothing, and what it gets if it does not say: it has the thread. */
export const CALL_GAS_MAX: bigint = TRANSACTION_GAS_MAX;
const ZERO_ADDRESS: Hex = `0x${"00".repeat(20)}`;
/** An estimate may be this much above what is needed: 1/64. */
const ESTIMATE_SLACK = 64n;

/** A call that goes straight to a system module: no code runs besides it. */
type ModuleRequest = CallRequest & { readonly to: Hex };

export class CallRunner extends ChainReader {
  readonly #moduleCalls = new CallCache();

  protected override headChanged(summary: BlockSummary): void {
    super.headChanged(summary);
    this.#moduleCalls.clear();
  }

  /**
   * The result of a call in the context of a block, after all its transactions.
   *
   * @throws {@link ExecutionError} `CALL_REVERTED` with the revert data, `CALL_FAILED`.
   */
  async call(request: CallRequest, reference: BlockReference): Promise<Uint8Array> {
    const summary = this.summaryAt(reference);
    const result =
      this.#isModuleRequest(request) && (request.valueWei ?? 0n) === 0n
        ? await this.#recallModule(request, summary)
        : (await this.#runCall(request, summary, false)).result;
    throwIfFailed(result);
    return result.returnValue.slice();
  }

  /** Addresses and slots that a call touches, and the gas it uses (EIP-2930). */
  async accessListOf(
    request: CallRequest,
    reference: BlockReference,
  ): Promise<{ readonly accessList: readonly AccessListEntry[]; readonly gasUsed: bigint }> {
    const { result, touched } = await this.#runCall(request, this.summaryAt(reference), true);
    throwIfFailed(result);
    const accessList: AccessListEntry[] = [];
    for (const [address, slots] of touched) {
      const storageKeys = [...slots].map((slot): Hex => `0x${slot}`);
      if (storageKeys.length > 0) accessList.push({ address: `0x${address}`, storageKeys });
    }
    return { accessList, gasUsed: result.executionGasUsed };
  }

  /**
   * Gas with which a transaction succeeds, at most 1/64 above the least that does.
   *
   * @throws {@link ExecutionError} `CALL_REVERTED` or `CALL_FAILED` if no amount suffices.
   */
  async estimateGas(request: CallRequest, reference: BlockReference): Promise<bigint> {
    const summary = this.summaryAt(reference);
    await this.#requireValue(request, summary);
    let high = bigIntMin(request.gas ?? TRANSACTION_GAS_MAX, TRANSACTION_GAS_MAX);
    if (this.#isModuleRequest(request)) return this.#gasOfModule(request, summary, high);
    const most = await this.#runTransaction(request, summary, high);
    throwIfFailed(most.result);
    let low = most.gasUsed - 1n;
    // What it used is often enough; a call within needs 1/64 held back besides.
    for (const guess of [most.gasUsed, (most.gasUsed * 64n) / 63n + 2300n]) {
      if (guess >= high || guess <= low) continue;
      if (await this.#succeeds(request, summary, guess)) {
        high = guess;
        break;
      }
      low = guess;
    }
    while (high - low > 1n && high - low > high / ESTIMATE_SLACK) {
      const middle = (low + high) / 2n;
      if (await this.#succeeds(request, summary, middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  #isModuleRequest(request: CallRequest): request is ModuleRequest {
    return request.to !== undefined && this.rules.modules.isModule(request.to);
  }

  #recallModule(request: ModuleRequest, summary: BlockSummary): Promise<ExecResult> {
    const { from = ZERO_ADDRESS, to, data = new Uint8Array() } = request;
    const gas = bigIntMin(request.gas ?? CALL_GAS_MAX, CALL_GAS_MAX);
    return this.#moduleCalls.recall({ block: summary.hash, from, to, gas, data }, () =>
      this.#runModule(request, summary, gas),
    );
  }

  /** Exact: a module's gas does not depend on the limit. */
  async #gasOfModule(
    request: ModuleRequest,
    summary: BlockSummary,
    gasMax: bigint,
  ): Promise<bigint> {
    const { intrinsicGas, floorGas } = gasBoundsOf(this.#transactionOf(request, summary, gasMax));
    if (bigIntMax(intrinsicGas, floorGas) > gasMax) throw outOfGas();
    const result = await this.#runModule(request, summary, gasMax - intrinsicGas);
    throwIfFailed(result);
    return bigIntMax(intrinsicGas + result.executionGasUsed, floorGas);
  }

  /** As the EVM would run it in a state that nobody looks at any more. */
  async #runModule(
    request: ModuleRequest,
    summary: BlockSummary,
    gasLimit: bigint,
  ): Promise<ModuleResult> {
    const { spec, modules } = this.rules;
    const { from = ZERO_ADDRESS, to, data = new Uint8Array(), valueWei: value = 0n } = request;
    const state = this.stateAt(summary);
    await addBalance(state, addressOf(from), -value);
    await addBalance(state, addressOf(to), value);
    const message = { to, caller: from, value, data, gasLimit, isStatic: false };
    const deps = { spec, modules, state, block: summary };
    const result = await runModule(deps, { ...message, isDelegated: false });
    if (result.fatal !== undefined) throw result.fatal;
    return result;
  }

  async #succeeds(request: CallRequest, summary: BlockSummary, gas: bigint): Promise<boolean> {
    try {
      const { result } = await this.#runTransaction(request, summary, gas);
      return result.exceptionError === undefined;
    } catch (cause) {
      if (cause instanceof ExecutionError && cause.detail.code === "CALL_FAILED") return false;
      throw cause;
    }
  }

  async #runCall(request: CallRequest, summary: BlockSummary, isTracked: boolean) {
    const { evm, block } = this.#prepare(summary);
    if (isTracked) evm.journal.startReportingAccessList();
    const { execResult } = await evm.runCall({
      block,
      caller: addressOf(request.from),
      ...(request.to === undefined ? {} : { to: addressOf(request.to) }),
      data: request.data ?? new Uint8Array(),
      value: request.valueWei ?? 0n,
      gasLimit: bigIntMin(request.gas ?? CALL_GAS_MAX, CALL_GAS_MAX),
      gasPrice: request.gasPrice ?? 0n,
    });
    if (evm.fatal !== undefined) throw evm.fatal;
    return { result: execResult, touched: evm.journal.accessList ?? new Map() };
  }

  async #runTransaction(request: CallRequest, summary: BlockSummary, gasLimit: bigint) {
    const { evm, block, state } = this.#prepare(summary);
    const { common } = this.rules;
    const { blockchain } = evm;
    const vm = await createVM({ common, stateManager: state, blockchain, evm });
    const account = await state.getAccount(addressOf(request.from));
    const tx = this.#transactionOf(request, summary, gasLimit, account?.nonce);
    try {
      const { execResult, totalGasSpent } = await runTx(vm, { tx, block, skipBalance: true });
      if (evm.fatal !== undefined) throw evm.fatal;
      return { result: execResult, gasUsed: totalGasSpent };
    } catch (cause) {
      if (cause instanceof ExecutionError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ExecutionError({ code: "CALL_FAILED", reason }, { cause });
    }
  }

  #transactionOf(
    request: CallRequest,
    summary: BlockSummary,
    gasLimit: bigint,
    nonce = 0n,
  ): FeeMarket1559Tx {
    const data = {
      nonce,
      gasLimit,
      value: request.valueWei ?? 0n,
      data: request.data ?? new Uint8Array(),
      maxFeePerGas: summary.baseFee,
      accessList: (request.accessList ?? []).map(({ address, storageKeys }) => {
        return { address, storageKeys: [...storageKeys] };
      }),
      ...(request.to === undefined ? {} : { to: addressOf(request.to) }),
    };
    const tx = createFeeMarket1559Tx(data, { common: this.rules.common, freeze: false });
    // Nobody has signed it.
    tx.getSenderAddress = () => addressOf(request.from);
    return tx;
  }

  /** The EVM would make up the money for an estimate; a wallet wants to know that it is missing. */
  async #requireValue(request: CallRequest, summary: BlockSummary): Promise<void> {
    const neededWei = request.valueWei ?? 0n;
    const account = await this.stateAt(summary).getAccount(addressOf(request.from));
    const balanceWei = account?.balance ?? 0n;
    if (balanceWei >= neededWei) return;
    throw new ExecutionError({ code: "FUNDS_INSUFFICIENT", balanceWei, neededWei });
  }

  #prepare(summary: BlockSummary): { evm: ModuleEVM; block: Block; state: WorldState } {
    const { common, spec, modules } = this.rules;
    const state = this.stateAt(summary);
    const blockchain = createBlockHashes(this.store);
    const evm = new ModuleEVM({ common, spec, modules, state, blockchain, block: summary });
    const choice = { ...summary, proposer: hexToBytes(summary.proposer) };
    const parentHash = hexToBytes(summary.parentHash);
    const block = createRunningBlock(common, choice, { ...summary, parentHash });
    return { evm, block, state };
  }
}

function addressOf(address: Hex = ZERO_ADDRESS): Address {
  return new Address(hexToBytes(address, 20));
}

function outOfGas(): ExecutionError {
  return new ExecutionError({
    code: "CALL_FAILED",
    reason: EVMError.errorMessages.OUT_OF_GAS,
  });
}

function throwIfFailed({ exceptionError, returnValue }: ExecResult): void {
  if (exceptionError === undefined) return;
  if (exceptionError.error === EVMError.errorMessages.REVERT) {
    throw new ExecutionError({ code: "CALL_REVERTED", data: bytesToHex(returnValue) });
  }
  throw new ExecutionError({ code: "CALL_FAILED", reason: exceptionError.error });
}
