import { type ParseAbi, parseAbi } from "viem";

/** Audits: challenges drawn by the beacon, proofs, verdicts. @see docs/spec/modules.md */
export const AUDIT_SIGNATURES = [
  "struct Sample { bytes32 fid; uint16 segment; uint8 column; uint32 blockIndex; address tee; }",
  "struct TeeProof { address tee; bytes proof; }",
  "struct Challenge { uint256 id; address miner; address verifier; bytes32 seed; uint8 purpose; uint8 state; uint64 openedBlock; uint64 proofDeadline; uint64 verdictDeadline; uint32 sampleCount; }",
  "event ChallengeOpened(uint256 indexed id, address indexed miner, address indexed verifier, bytes32 seed, uint8 purpose, uint64 proofDeadline, uint64 verdictDeadline)",
  "event ProofSubmitted(uint256 indexed id, address indexed miner)",
  "event VerdictGiven(uint256 indexed id, address indexed verifier, bool passed)",
  "event FalseVerdict(uint256 indexed id, address indexed verifier)",
  "event ChallengeClosed(uint256 indexed id, address indexed miner, bool passed, uint8 judge)",
  "function submitProof(uint256 id, TeeProof[] proofs)",
  "function submitVerdict(uint256 id, bool passed)",
  "function challengeOf(uint256 id) view returns (Challenge challenge)",
  "function samplesOf(uint256 id) view returns (Sample[] samples)",
  "function proofsOf(uint256 id) view returns (TeeProof[] proofs)",
  "function listChallenges(uint256 offset, uint256 count) view returns (Challenge[] challenges, uint256 total)",
  "function openChallengeOf(address miner) view returns (uint256[] ids)",
  "function checkProof(uint256 id) view returns (bool passed)",
] as const;

export const auditAbi: ParseAbi<typeof AUDIT_SIGNATURES> = parseAbi(AUDIT_SIGNATURES);
