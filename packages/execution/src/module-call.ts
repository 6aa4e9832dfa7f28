/**
 * One call of a system module: metered, and every failure in the form that the EVM knows.
 * @module
 */
import type { ChainSpec } from "@cess/params/chain-spec";
import { encodeModuleError, ModuleError } from "@cess/protocol/error";
import type { ModuleSet } from "@cess/protocol/module";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { EVMError, type ExecResult, type Log } from "@ethereumjs/evm";
import { ExecutionError } from "./error.ts";
import { type BlockFacts, createStateHost } from "./module-host.ts";
import type { WorldState } from "./world-state.ts";

export interface ModuleCallDeps {
  readonly spec: ChainSpec;
  readonly modules: ModuleSet;
  readonly state: WorldState;
  readonly block: BlockFacts;
}

export interface ModuleMessage {
  /** Address of a module. */
  readonly to: Hex;
  readonly caller: Hex;
  /** Wei that came with the call; they are on the module's account already. */
  readonly value: bigint;
  readonly data: Uint8Array;
  readonly gasLimit: bigint;
  readonly isStatic: boolean;
  /** Called in the name of another contract, by DELEGATECALL or CALLCODE. */
  readonly isDelegated: boolean;
}

export interface ModuleResult extends ExecResult {
  /** Set when state could not be read: the block must fail, for other nodes may have read it. */
  readonly fatal?: ExecutionError;
}

/** Gas of entering a module, and of each byte that comes in or goes out. */
const CALL_GAS = 1000n;
const CALL_BYTE_GAS = 2n;

/** What a failed call has written stays in the state: undoing it is the caller's. */
export async function runModule(
  deps: ModuleCallDeps,
  message: ModuleMessage,
): Promise<ModuleResult> {
  const { spec, modules, state, block } = deps;
  const meter = new GasMeter(message.gasLimit);
  const logs: Log[] = [];
  const chargeGas = (gas: bigint) => meter.charge(gas);
  const host = createStateHost({ spec, state, block, logs, chargeGas });
  try {
    meter.charge(CALL_GAS + CALL_BYTE_GAS * BigInt(message.data.length));
    if (message.isDelegated) {
      throw new ModuleError("NOT_ALLOWED", "modules cannot be called by DELEGATECALL");
    }
    const call = { ...message, data: bytesToHex(message.data) };
    const returnValue = hexToBytes(await modules.dispatchCall(host, call));
    meter.charge(CALL_BYTE_GAS * BigInt(returnValue.length));
    return { executionGasUsed: meter.used, returnValue, logs };
  } catch (cause) {
    return failure(cause, meter);
  }
}

function failure(cause: unknown, meter: GasMeter): ModuleResult {
  if (cause instanceof ModuleError) {
    const exceptionError = new EVMError(EVMError.errorMessages.REVERT);
    const returnValue = hexToBytes(encodeModuleError(cause));
    return { executionGasUsed: meter.used, returnValue, exceptionError };
  }
  // A fault of a handler is the same on every node: it costs the caller its gas, no more.
  const error = cause instanceof OutOfGas ? "OUT_OF_GAS" : "INTERNAL_ERROR";
  return {
    executionGasUsed: meter.limit,
    returnValue: new Uint8Array(),
    exceptionError: new EVMError(EVMError.errorMessages[error]),
    ...(cause instanceof ExecutionError ? { fatal: cause } : {}),
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
