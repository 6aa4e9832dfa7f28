/**
 * An EVM in which the system modules are contracts.
 *
 * The module runs in place of the code at its address. It gets the caller and the value of the
 * message itself, so nested calls need no bookkeeping, and whatever a handler throws becomes the
 * failure of that one call.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import type { Common } from "@ethereumjs/common";
import {
  EVM,
  EVMError,
  type EVMMockBlockchainInterface,
  type ExecResult,
  type Message,
  NobleBN254,
} from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import type { ExecutionError } from "./error.ts";
import { type ModuleCallDeps, runModule } from "./module-call.ts";

export interface ModuleEVMDeps extends ModuleCallDeps {
  readonly common: Common;
  readonly blockchain: EVMMockBlockchainInterface;
}

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

/** Gas between two pauses. The interpreter would hold the thread until the call ends. */
const PAUSE_GAS = 200_000n;
/** Every loop of a contract passes one. It does nothing and costs 1. */
const JUMPDEST = {
  opcode: 0x5b,
  opcodeName: "JUMPDEST",
  baseFee: 1,
  logicFunction: createPauses(),
};

/** PERF: the tables follow from the rules alone, and cost more to make than most calls to run. */
const opcodeTables = new WeakMap<Common, object>();

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
      customOpcodes: [JUMPDEST],
    });
    // The rules outlive this instance and never change.
    common.events.removeAllListeners();
    this.#deps = deps;
  }

  override getActiveOpcodes(): typeof this._opcodes {
    const known = opcodeTables.get(this.common);
    if (known !== undefined) {
      Object.assign(this, known);
      return this._opcodes;
    }
    const opcodes = super.getActiveOpcodes();
    const { _opcodes, _opcodeMap, _handlers, _dynamicGasHandlers } = this;
    opcodeTables.set(this.common, { _opcodes, _opcodeMap, _handlers, _dynamicGasHandlers });
    return opcodes;
  }

  protected override async _loadCode(message: Message): Promise<void> {
    const to = bytesToHex(message.codeAddress.bytes);
    if (message.code || !this.#deps.modules.isModule(to)) return super._loadCode(message);
    message.code = async ({ data, gasLimit }): Promise<ExecResult> => {
      const result = await runModule(this.#deps, {
        to,
        caller: bytesToHex(message.caller.bytes),
        value: message.value,
        data,
        gasLimit,
        isStatic: message.isStatic,
        isDelegated: message.delegatecall || !message.to?.equals(message.codeAddress),
      });
      this.fatal ??= result.fatal;
      return result;
    };
    message.isCompiled = true;
  }
}

/**
 * Lets the rest of the process have its turn now and then, whichever calls spend the gas. What they
 * compute is not affected.
 */
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
