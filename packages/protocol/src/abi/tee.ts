import { type ParseAbi, parseAbi } from "viem";

/** TEE workers: the keys that an attestation binds to an enclave. @see docs/spec/modules.md */
export const TEE_SIGNATURES = [
  "struct Worker { address account; string endpoint; address reportSigner; bytes32 tagKeyHash; bytes tagKey; uint8 role; uint8 attestationKind; bool isActive; uint64 lastWorkBlock; uint64 verdicts; uint64 falseVerdicts; }",
  "event Registered(address indexed worker, uint8 role, uint8 attestationKind, bytes32 tagKeyHash)",
  "event Retired(address indexed worker, uint8 reason)",
  "function register(string endpoint, address reportSigner, bytes32 tagKeyHash, bytes tagKey, uint8 role, bytes attestation) payable",
  "function resume()",
  "function exit()",
  "function withdraw()",
  "function workerOf(address account) view returns (Worker worker)",
  "function listWorkers(uint256 offset, uint256 count) view returns (Worker[] workers, uint256 total)",
] as const;

export const teeAbi: ParseAbi<typeof TEE_SIGNATURES> = parseAbi(TEE_SIGNATURES);
