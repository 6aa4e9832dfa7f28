/**
 * What chain nodes say to each other; `docs/spec/wire.md` is the table of it.
 * @module
 */
import {
  bytes,
  type Codec,
  list,
  optional,
  struct,
  u16,
  u32,
  u64,
  union,
  variableBytes,
} from "@cess/codec/codec";
import { type CommitCertificate, certificateCodec } from "@cess/consensus/certificate";
import {
  type Proposal,
  proposalCodec,
  type ValueId,
  type Vote,
  VRF_PROOF_BYTES,
  valueIdCodec,
  voteCodec,
} from "@cess/consensus/votes";
import type { Protocol, Topic } from "@cess/network/network";
import type { Hex } from "@cess/std/bytes";
import { KIB, MIB } from "@cess/std/units";

export const BLOCK_BYTES_MAX: number = 8 * MIB;
/** Blocks up to this size travel with their proposal; larger ones are fetched from its sender. */
export const INLINE_BODY_BYTES_MAX: number = 64 * KIB;
export const TRANSACTION_BYTES_MAX: number = 128 * KIB;
export const SYNC_BLOCKS_MAX = 64;
export const SYNC_BYTES_MAX: number = 8 * MIB;
export const REPEATED_MESSAGES_MAX = 2048;

/** A block, and the proof that its parent was committed, whose hash the block's header carries. */
export interface Body {
  readonly block: Uint8Array;
  /** Undefined only where the parent is the genesis block. */
  readonly parentCertificate: CommitCertificate | undefined;
}

export interface ProposalMessage {
  readonly proposal: Proposal;
  readonly body: Body | undefined;
}

/** Why a block is final, and how its beacon came to be. */
export interface CommitRecord {
  readonly certificate: CommitCertificate;
  readonly builtRound: number;
  readonly vrfProof: Uint8Array;
}

export interface CommittedBlock {
  readonly body: Body;
  readonly commit: CommitRecord;
}

export type RepeatedMessage =
  | { readonly kind: "proposal"; readonly proposal: Proposal }
  | { readonly kind: "vote"; readonly vote: Vote };

/** Where a node stands, and what it knows there. */
export interface ProgressRequest {
  /** Height that the asker works on. */
  readonly height: bigint;
}

export interface ProgressResponse {
  readonly height: bigint;
  /** Empty unless both work on the same height. */
  readonly messages: readonly RepeatedMessage[];
}

export interface TransactionBatch {
  /** Counts repeats: gossip carries equal bytes once. */
  readonly attempt: number;
  readonly transactions: readonly Uint8Array[];
}

export interface BlocksRequest {
  readonly firstHeight: bigint;
  readonly count: number;
}

/** The protocols of one chain: nodes of different chains have none in common. */
export interface ChainProtocols {
  readonly proposals: Topic<ProposalMessage>;
  readonly votes: Topic<Vote>;
  readonly transactions: Topic<TransactionBatch>;
  readonly body: Protocol<ValueId, Body | undefined>;
  readonly progress: Protocol<ProgressRequest, ProgressResponse>;
  readonly blocks: Protocol<BlocksRequest, readonly CommittedBlock[]>;
}

const CERTIFICATE_BYTES_MAX = 256;
const BODY_OVERHEAD_BYTES = 5 + CERTIFICATE_BYTES_MAX;
const BODY_BYTES_MAX = BLOCK_BYTES_MAX + BODY_OVERHEAD_BYTES;
const PROPOSAL_BYTES_MAX = 512;
const VOTE_BYTES_MAX = 160;
export const TRANSACTION_BATCH_MAX = 1024;

export const bodyCodec: Codec<Body> = struct<Body>({
  block: variableBytes(BLOCK_BYTES_MAX),
  parentCertificate: optional(certificateCodec),
});

export const commitRecordCodec: Codec<CommitRecord> = struct<CommitRecord>({
  certificate: certificateCodec,
  builtRound: u32,
  vrfProof: bytes(VRF_PROOF_BYTES),
});

const committedBlockCodec = struct<CommittedBlock>({ body: bodyCodec, commit: commitRecordCodec });

const repeatedMessageCodec = union<RepeatedMessage>({
  proposal: struct({ proposal: proposalCodec }),
  vote: struct({ vote: voteCodec }),
});

/** Names a chain in what its seats sign: the same messages mean nothing on another. */
export function consensusChainId(chainId: number, genesisHash: Hex): string {
  return `${chainId}/${genesisHash.slice(2, 42)}`;
}

/** @param chainId - As {@link consensusChainId} makes it. */
export function chainProtocols(chainId: string): ChainProtocols {
  const id = (name: string) => `/cess/${chainId}/${name}/1`;
  return {
    proposals: {
      id: id("proposals"),
      message: struct<ProposalMessage>({ proposal: proposalCodec, body: optional(bodyCodec) }),
      messageBytesMax: PROPOSAL_BYTES_MAX + INLINE_BODY_BYTES_MAX + BODY_OVERHEAD_BYTES,
      perPeerPerMinute: 6000,
    },
    votes: {
      id: id("votes"),
      message: voteCodec,
      messageBytesMax: VOTE_BYTES_MAX,
      perPeerPerMinute: 60_000,
    },
    transactions: {
      id: id("transactions"),
      message: struct<TransactionBatch>({
        attempt: u16,
        transactions: list(variableBytes(TRANSACTION_BYTES_MAX), TRANSACTION_BATCH_MAX),
      }),
      messageBytesMax: MIB,
      perPeerPerMinute: 6000,
    },
    body: {
      id: id("body"),
      request: valueIdCodec,
      response: optional(bodyCodec),
      requestBytesMax: 32,
      responseBytesMax: 1 + BODY_BYTES_MAX,
      timeoutMs: 10_000,
      perPeerPerMinute: 240,
    },
    progress: {
      id: id("progress"),
      request: struct<ProgressRequest>({ height: u64 }),
      response: struct<ProgressResponse>({
        height: u64,
        messages: list(repeatedMessageCodec, REPEATED_MESSAGES_MAX),
      }),
      requestBytesMax: 8,
      responseBytesMax: 12 + REPEATED_MESSAGES_MAX * PROPOSAL_BYTES_MAX,
      timeoutMs: 5_000,
      perPeerPerMinute: 1200,
    },
    blocks: {
      id: id("blocks"),
      request: struct<BlocksRequest>({ firstHeight: u64, count: u16 }),
      response: list(committedBlockCodec, SYNC_BLOCKS_MAX),
      requestBytesMax: 10,
      responseBytesMax: SYNC_BYTES_MAX + BODY_BYTES_MAX + KIB,
      timeoutMs: 30_000,
      perPeerPerMinute: 240,
    },
  };
}
