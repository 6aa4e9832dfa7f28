import { type ParseAbi, parseAbi } from "viem";

/** Files: what is stored where, and what must be restored. @see docs/spec/modules.md */
export const FILES_SIGNATURES = [
  "struct Declaration { bytes32 fid; uint64 sizeBytes; uint8 profile; bytes32 territory; uint64 expiryBlock; address[] placement; bytes signature; }",
  "struct Holding { address miner; address tee; uint64 sinceBlock; }",
  "struct FragmentOverride { uint16 segment; uint8 column; address miner; address tee; uint64 sinceBlock; }",
  "struct Owner { address account; bytes32 territory; }",
  "struct FileRecord { bytes32 fid; uint64 sizeBytes; uint8 profile; uint64 declaredBlock; Owner[] owners; Holding[] holdings; FragmentOverride[] overrides; }",
  "struct TagItem { bytes32 fid; uint16 segment; uint8 column; }",
  "struct TagReport { address tee; address miner; uint64 expiryBlock; TagItem[] items; bytes signature; }",
  "struct Order { bytes32 fid; uint16 segment; uint8 column; address origin; address claimant; uint64 openedBlock; uint64 deadlineBlock; uint256 challengeId; }",
  "event Declared(bytes32 indexed fid, address indexed owner, bytes32 indexed territory, uint64 sizeBytes, uint8 profile, address[] placement)",
  "event OwnerAdded(bytes32 indexed fid, address indexed owner, bytes32 indexed territory)",
  "event OwnerRemoved(bytes32 indexed fid, address indexed owner, bytes32 indexed territory)",
  "event Closed(bytes32 indexed fid)",
  "event Tagged(bytes32 indexed fid, address indexed miner, uint16 segment, uint8 column, address tee)",
  "event OrderOpened(bytes32 indexed fid, uint16 segment, uint8 column, address indexed origin)",
  "event OrderClaimed(bytes32 indexed fid, uint16 segment, uint8 column, address indexed claimant, uint64 deadlineBlock)",
  "event OrderReleased(bytes32 indexed fid, uint16 segment, uint8 column, address indexed claimant)",
  "event Restored(bytes32 indexed fid, uint16 segment, uint8 column, address indexed miner)",
  "function declare(Declaration[] declarations)",
  "function remove(bytes32 territory, bytes32[] fids)",
  "function reportTags(TagReport report)",
  "function reportLost(bytes32 fid, uint16 segment, uint8 column)",
  "function claimRestoral(bytes32 fid, uint16 segment, uint8 column)",
  "function completeRestoral(TagReport report)",
  "function fileOf(bytes32 fid) view returns (FileRecord file)",
  "function hasFile(bytes32 fid) view returns (bool)",
  "function orderOf(bytes32 fid, uint16 segment, uint8 column) view returns (Order restoralOrder)",
  "function listOrders(uint256 offset, uint256 count) view returns (Order[] orders, uint256 total)",
] as const;

export const filesAbi: ParseAbi<typeof FILES_SIGNATURES> = parseAbi(FILES_SIGNATURES);
