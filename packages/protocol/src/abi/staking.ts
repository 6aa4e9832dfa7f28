import { type ParseAbi, parseAbi } from "viem";

/** Validators: bonds and keys. Election by reputation, stake and VRF reads this module. @see docs/spec/modules.md */
export const STAKING_SIGNATURES = [
  "struct Validator { address account; bytes blsPublicKey; bytes vrfPublicKey; uint256 bondedWei; bool isJailed; }",
  "event Registered(address indexed validator, uint256 bondedWei)",
  "event Bonded(address indexed validator, uint256 amountWei)",
  "event Unbonding(address indexed validator, uint256 amountWei, uint64 unlockBlock)",
  "event Withdrawn(address indexed validator, uint256 amountWei)",
  "function register(bytes blsPublicKey, bytes blsProof, bytes vrfPublicKey) payable",
  "function bond() payable",
  "function unbond(uint256 amountWei)",
  "function withdraw()",
  "function validatorOf(address account) view returns (Validator validator)",
  "function unbondingOf(address account) view returns (uint256 amountWei, uint64 unlockBlock)",
  "function listValidators(uint256 offset, uint256 count) view returns (Validator[] validators, uint256 total)",
  "function committee() view returns (Validator[] seats)",
] as const;

export const stakingAbi: ParseAbi<typeof STAKING_SIGNATURES> = parseAbi(STAKING_SIGNATURES);
