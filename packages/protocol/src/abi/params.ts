import { type ParseAbi, parseAbi } from "viem";

/** Protocol parameters that governance may change, through the timelock only. @see docs/spec/modules.md */
export const PARAMS_SIGNATURES = [
  "event Changed(string name, uint256 value)",
  "event Spent(address indexed to, uint256 amountWei)",
  "function parameterOf(string name) view returns (uint256 value)",
  "function change(string name, uint256 value)",
  "function spend(address to, uint256 amountWei)",
  "function timelock() view returns (address)",
] as const;

export const paramsAbi: ParseAbi<typeof PARAMS_SIGNATURES> = parseAbi(PARAMS_SIGNATURES);
