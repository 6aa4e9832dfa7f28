/**
 * An EVM in which the system modules are contracts.
 *
 * The module runs in place of the code at its address. It gets the caller and the value of the
 * message itself, so nested calls need no bookkeeping, and whatever a handler throws becomes the
 * failure of that one call.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import type { ChainSpec } from "@cess/params/chain-spec";
import { encodeModuleError, ModuleError } from "@cess/protocol/error";
import type { ModuleHost, ModuleSet } from "@cess/protocol/module";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import type { Common } from "@ethereumjs/common";
import {
  EVM,
  EVMError,
  type EVMMockBlockchainInterface,
  type ExecResult,
  type Log,
  type Message,
  NobleBN254,
} from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { ExecutionError } from "./error.ts";
import { type BlockFacts, createStateHost } from "./module-host.ts";
import type { WorldState } from "./world-state.ts";

export interface ModuleEVMDeps {
  readonly common: Common;
  readonly spec: ChainSpec;
  readonly modules: ModuleSet;
  readonly state: WorldState;
  readonly blockchain: EVMMockBlockchainInterface;
  readonly block: BlockFacts;
}

/** Gas of entering a module, and of each byte that comes in or goes out. */
const CALL_GAS = 1000n;
const CALL_BYTE_GAS = 2n;

/**
 * Checks a blob's KZG proof on Ethereum (EIP-4844). There are no blobs here, so no proof is valid;
 * the library would throw through the EVM.
 */
const NO_POINT_EVALUATION = {
  address: new Address(hexToBytes("0a".padStart(40, "0"))),
  function: ({ gasLimit }: { readonly gasLimit: bigint }): ExecResult => ({
    executionGasUsed: gasLimit,
    returnValue: new Uint8Array(),
    exceptionError: new EVMError(EVMError.errorMessages.INVALID_PROOF),
  }),
};

/** Every loop of a contract passes one. It does nothing and costs 1. */
const JUMPDEST = { opcode: 0x5b, opcodeName: "JUMPDEST", baseFee: 1 };
/** Gas between two pauses. The interpreter would hold the thread until the call ends. */
const PAUSE_GAS = 200_000n;

export class ModuleEVM extends EVM {
  /** Set when state could not be read: the block must fail, for other nodes may have read it. */
  fatal: ExecutionError | undefined;
  readonly #deps: ModuleEVMDeps;

  constructor(deps: ModuleEVMDeps) {
    const { common, state, blockchain } = deps;
    super({
      common,
      stateManager: state,
      blockchain,
      bn254: new NobleBN254(),
      customPrecompiles: [NO_POINT_EVALUATION],
      customOpcodes: [{ ...JUMPDEST, logicFunction: createPauses() }],
    });
    // The rules outlive this instance and never change.
    common.events.removeAllListeners();
    this.#deps = deps;
  }

  protected override async _loadCode(message: Message): Promise<void> {
    const isModule = this.#deps.modules.isModule(bytesToHex(message.codeAddress.bytes));
    if (message.code || !isModule) return super._loadCode(message);
    message.code = ({ data, gasLimit }) => this.#runModule(message, data, gasLimit);
    message.isCompiled = true;
  }

  async #runModule(message: Message, data: Uint8Array, gasLimit: bigint): Promise<ExecResult> {
    const meter = new GasMeter(gasLimit);
    const logs: Log[] = [];
    try {
      meter.charge(CALL_GAS + CALL_BYTE_GAS * BigInt(data.length));
      const isOwnFrame = message.to?.equals(message.codeAddress);
      if (message.delegatecall || !isOwnFrame) {
        throw new ModuleError("NOT_ALLOWED", "modules cannot be called by DELEGATECALL");
      }
      const returnValue = await this.#dispatch(message, data, this.#host(meter, logs));
      meter.charge(CALL_BYTE_GAS * BigInt(returnValue.length));
      return { executionGasUsed: meter.used, returnValue, logs };
    } catch (cause) {
      return this.#failure(cause, meter);
    }
  }

  async #dispatch(message: Message, data: Uint8Array, host: ModuleHost): Promise<Uint8Array> {
    const result = await this.#deps.modules.dispatchCall(host, {
      to: bytesToHex(message.codeAddress.bytes),
      caller: bytesToHex(message.caller.bytes),
      value: message.value,
      isStatic: message.isStatic,
      data: bytesToHex(data),
    });
    return hexToBytes(result);
  }

  #host(meter: GasMeter, logs: Log[]): ModuleHost {
    const { spec, state, block } = this.#deps;
    return createStateHost({ spec, state, block, logs, chargeGas: (gas) => meter.charge(gas) });
  }

  #failure(cause: unknown, meter: GasMeter): ExecResult {
    if (cause instanceof ModuleError) {
      const exceptionError = new EVMError(EVMError.errorMessages.REVERT);
      const returnValue = hexToBytes(encodeModuleError(cause));
      return { executionGasUsed: meter.used, returnValue, exceptionError };
    }
    if (cause instanceof ExecutionError) this.fatal ??= cause;
    // A fault of a handler is the same on every node: it costs the caller its gas, no more.
    const error = cause instanceof OutOfGas ? "OUT_OF_GAS" : "INTERNAL_ERROR";
    const exceptionError = new EVMError(EVMError.errorMessages[error]);
    return { executionGasUsed: meter.limit, returnValue: new Uint8Array(), exceptionError };
  }
}

/** Lets the rest of the process have its turn now and then. What it computes is not affected. */
function createPauses(): (runState: { readonly gasLeft: bigint }) => Promise<void> {
  let before = 0n;
  let spent = 0n;
  return async ({ gasLeft }) => {
    spent += before > gasLeft ? before - gasLeft : 1n;
    before = gasLeft;
    if (spent < PAUSE_GAS) return;
    spent = 0n;
    await setImmediate();
  };
}

/** Thrown through a handler, and caught around it. */
class OutOfGas extends CodedError<{ readonly code: "OUT_OF_GAS" }> {
  constructor() {
    super({ code: "OUT_OF_GAS" }, "out of gas");
  }
}

class GasMeter {
  readonly limit: bigint;
  used = 0n;

  constructor(limit: bigint) {
    this.limit = limit;
  }

  charge(amount: bigint): void {
    this.used += amount;
    if (this.used > this.limit) throw new OutOfGas();
  }
}
