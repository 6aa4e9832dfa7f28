import { type ParseAbi, parseAbi } from "viem";

/** Space that an owner has bought for a time. @see docs/spec/modules.md */
export const TERRITORY_SIGNATURES = [
  "struct Territory { bytes32 id; address owner; string name; uint64 totalBytes; uint64 usedBytes; uint64 startBlock; uint64 endBlock; uint8 state; }",
  "event Bought(bytes32 indexed id, address indexed owner, string name, uint64 totalBytes, uint64 endBlock)",
  "event Expanded(bytes32 indexed id, uint64 totalBytes)",
  "event Renewed(bytes32 indexed id, uint64 endBlock)",
  "event Frozen(bytes32 indexed id)",
  "event Expired(bytes32 indexed id)",
  "function buy(string name, uint64 sizeBytes, uint64 durationBlocks) payable returns (bytes32 id)",
  "function expand(bytes32 id, uint64 addBytes) payable",
  "function renew(bytes32 id, uint64 addBlocks) payable",
  "function idOf(address owner, string name) view returns (bytes32 id)",
  "function territoryOf(bytes32 id) view returns (Territory territory)",
  "function listTerritories(address owner, uint256 offset, uint256 count) view returns (Territory[] territories, uint256 total)",
  "function priceOf(uint64 sizeBytes, uint64 durationBlocks) view returns (uint256 priceWei)",
] as const;

export const territoryAbi: ParseAbi<typeof TERRITORY_SIGNATURES> = parseAbi(TERRITORY_SIGNATURES);
