import type { Committee, Seat } from "@cess/consensus/committee";
import { stakingAbi } from "@cess/protocol/abi/staking";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import type { Genesis, ModuleHost, ModuleSet } from "@cess/protocol/module";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { decodeFunctionResult, encodeFunctionData } from "viem";

const CALLDATA = encodeFunctionData({ abi: stakingAbi, functionName: "committee" });

/**
 * Who decides the block after the state behind `host`, as the staking module has it.
 *
 * A chain without that module keeps the validators of its genesis.
 */
export async function readCommittee(
  modules: ModuleSet,
  host: ModuleHost,
  genesis: Genesis,
): Promise<Committee> {
  const to = MODULE_ADDRESSES.staking;
  if (!modules.isModule(to)) return { seats: genesis.validators.map(genesisSeat) };
  const call = { to, caller: ZERO_ADDRESS, value: 0n, isStatic: true, data: CALLDATA };
  const data = await modules.dispatchCall(host, call);
  const seats = decodeFunctionResult({ abi: stakingAbi, functionName: "committee", data });
  return { seats: seats.map(seatOf) };
}

function genesisSeat(validator: Genesis["validators"][number]): Seat {
  const { account, blsPublicKey, vrfPublicKey } = validator;
  return { address: account, blsPublicKey, vrfPublicKey };
}

function seatOf(validator: {
  readonly account: Hex;
  readonly blsPublicKey: Hex;
  readonly vrfPublicKey: Hex;
}): Seat {
  return {
    address: validator.account.toLowerCase() as Hex,
    blsPublicKey: hexToBytes(validator.blsPublicKey, 48),
    vrfPublicKey: hexToBytes(validator.vrfPublicKey, 32),
  };
}
