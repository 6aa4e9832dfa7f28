import { type ParseAbi, parseAbi } from "viem";

/** Storage nodes: stake, declared and used space, standing. @see docs/spec/modules.md */
export const MINERS_SIGNATURES = [
  "struct Miner { address account; bytes blsPublicKey; string endpoint; string region; uint8 state; uint64 declaredBytes; uint64 usedBytes; uint64 taggedBytes; uint256 stakeWei; uint32 failuresInRow; uint64 auditsPassed; uint64 auditsFailed; uint64 registeredBlock; }",
  "event Registered(address indexed miner, uint64 declaredBytes, string endpoint)",
  "event Updated(address indexed miner, string endpoint, string region)",
  "event Expanded(address indexed miner, uint64 declaredBytes)",
  "event StateChanged(address indexed miner, uint8 state)",
  "event Penalised(address indexed miner, uint256 amountWei)",
  "event Withdrawn(address indexed miner, uint256 amountWei)",
  "event RewardPaid(address indexed miner, uint256 amountWei)",
  "function register(bytes blsPublicKey, bytes blsProof, string endpoint, string region, uint64 declaredBytes) payable",
  "function update(string endpoint, string region)",
  "function expand(uint64 addBytes) payable",
  "function thaw() payable",
  "function beginExit()",
  "function withdraw()",
  "function claimReward()",
  "function rewardOf(address account) view returns (uint256 amountWei)",
  "function minerOf(address account) view returns (Miner miner)",
  "function listMiners(uint256 offset, uint256 count) view returns (Miner[] miners, uint256 total)",
  "function stakeFor(uint64 declaredBytes) view returns (uint256 stakeWei)",
] as const;

export const minersAbi: ParseAbi<typeof MINERS_SIGNATURES> = parseAbi(MINERS_SIGNATURES);
