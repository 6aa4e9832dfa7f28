import { type ParseAbi, parseAbi } from "viem";

/** Gateways: a directory, and what an owner lets one do. @see docs/spec/modules.md */
export const GATEWAYS_SIGNATURES = [
  "struct Gateway { address account; string endpoint; string region; }",
  "struct Authorisation { address gateway; bytes32[] territories; uint8 rights; uint64 expiryBlock; }",
  "event Registered(address indexed gateway, string endpoint)",
  "event Left(address indexed gateway)",
  "event Authorised(address indexed owner, address indexed gateway, uint8 rights, uint64 expiryBlock)",
  "event Revoked(address indexed owner, address indexed gateway)",
  "function register(string endpoint, string region)",
  "function leave()",
  "function authorise(address gateway, bytes32[] territories, uint8 rights, uint64 expiryBlock)",
  "function revoke(address gateway)",
  "function gatewayOf(address account) view returns (Gateway gateway, bool isRegistered)",
  "function listGateways(uint256 offset, uint256 count) view returns (Gateway[] gateways, uint256 total)",
  "function authorisationOf(address owner, address gateway) view returns (Authorisation authorisation)",
  "function isAuthorised(address owner, address gateway, bytes32 territory, uint8 rights) view returns (bool allowed)",
] as const;

export const gatewaysAbi: ParseAbi<typeof GATEWAYS_SIGNATURES> = parseAbi(GATEWAYS_SIGNATURES);
