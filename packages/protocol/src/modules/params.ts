import { paramsAbi } from "../abi/params.ts";
import { TREASURY_ADDRESS } from "../addresses.ts";
import { ModuleError, require } from "../error.ts";
import { createEmit } from "../events.ts";
import { ZERO_ADDRESS } from "../messages.ts";
import { type CallContext, defineModule, type Handlers, type ModuleDefinition } from "../module.ts";
import { address, defineCell } from "../storage.ts";
import { changedParameters, isParameter, PARAMETERS, parameter } from "./parameters.ts";

const timelock = defineCell({ module: "params", name: "timelock" }, address, ZERO_ADDRESS);
const emit = createEmit("params", paramsAbi);

const calls: Handlers<typeof paramsAbi> = {
  async parameterOf(context, [name]) {
    if (!isParameter(name)) throw new ModuleError("NOT_FOUND", "no such parameter");
    return parameter(context, name);
  },
  async change(context, [name, value]) {
    await requireTimelock(context);
    if (!isParameter(name)) throw new ModuleError("NOT_FOUND", "no such parameter");
    const { min, max } = PARAMETERS[name];
    require(value >= min && value <= max, "ARGUMENT_INVALID", `${name}: ${min} to ${max}`);
    await changedParameters.set(context, name, value);
    emit(context, "Changed", { name, value });
  },
  async spend(context, [to, amountWei]) {
    await requireTimelock(context);
    const balance = await context.getBalance(TREASURY_ADDRESS);
    require(amountWei <= balance, "PAYMENT_SHORT", `the treasury has ${balance} wei`);
    await context.transfer(TREASURY_ADDRESS, to, amountWei);
    emit(context, "Spent", { to, amountWei });
  },
  timelock: (context) => timelock.get(context),
};

/** Parameters in force and the treasury: governance acts through the timelock alone. */
export const params: ModuleDefinition = defineModule("params", paramsAbi, {
  calls,
  genesis: (host, genesis) => timelock.set(host, genesis.timelock),
});

async function requireTimelock(context: CallContext): Promise<void> {
  const isTimelock = context.caller === (await timelock.get(context));
  require(isTimelock, "NOT_ALLOWED", "for the timelock only");
}
