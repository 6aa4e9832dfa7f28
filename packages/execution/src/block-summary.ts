import { bytesToHex, type Hex } from "@cess/std/bytes";
import type { BlockHeader } from "@ethereumjs/block";

/** A block's header, in the chain's own words. */
export interface BlockSummary {
  readonly height: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly stateRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  readonly logsBloom: Hex;
  readonly timestampSeconds: bigint;
  /** `prevRandao`, 32 bytes. */
  readonly beacon: Uint8Array;
  /** Who gets the fees: the proposer's account. */
  readonly proposer: Hex;
  /** `parentBeaconBlockRoot`, 32 bytes: of the certificate of the block before. */
  readonly lastCertificateHash: Uint8Array;
  /** `extraData`, 32 bytes: of the committee that decides the next block. */
  readonly nextCommitteeHash: Uint8Array;
  readonly baseFee: bigint;
  readonly gasUsed: bigint;
  readonly gasLimit: bigint;
}

export function summaryOf(header: BlockHeader): BlockSummary {
  return {
    height: header.number,
    hash: bytesToHex(header.hash()),
    parentHash: bytesToHex(header.parentHash),
    stateRoot: bytesToHex(header.stateRoot),
    transactionsRoot: bytesToHex(header.transactionsTrie),
    receiptsRoot: bytesToHex(header.receiptTrie),
    logsBloom: bytesToHex(header.logsBloom),
    timestampSeconds: header.timestamp,
    beacon: header.mixHash,
    proposer: bytesToHex(header.coinbase.bytes),
    lastCertificateHash: header.parentBeaconBlockRoot ?? new Uint8Array(32),
    nextCommitteeHash: header.extraData,
    baseFee: header.baseFeePerGas ?? 0n,
    gasUsed: header.gasUsed,
    gasLimit: header.gasLimit,
  };
}
