/**
 * What consensus asks of the application: the whole seam between agreeing on blocks and running
 * them, in the manner of ABCI. The execution package's executor is one; tests use smaller ones.
 * @module
 */
import type { Committee } from "@cess/consensus/committee";
import type { Hex } from "@cess/std/bytes";

/** What of a block matters to consensus. */
export interface BlockFacts {
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly height: bigint;
  readonly timestampSeconds: bigint;
  /** Account that the fees go to. */
  readonly proposer: Hex;
  /** 32 bytes. */
  readonly beacon: Uint8Array;
  /** 32 bytes; zero in the genesis block and the one after it. */
  readonly lastCertificateHash: Uint8Array;
}

export interface BuildRequest {
  /** Raised to one after the parent's, if it is not later. */
  readonly timestampSeconds: bigint;
  readonly proposer: Hex;
  readonly beacon: Uint8Array;
  readonly lastCertificateHash: Uint8Array;
  /** In the order in which they should run; those that do not fit are left out. */
  readonly transactions: readonly Uint8Array[];
}

export interface BuiltBlock {
  readonly block: Uint8Array;
  readonly hash: Hex;
  /** Candidates that were left out. */
  readonly rejected: readonly { readonly hash: Hex; readonly mayRunLater: boolean }[];
}

export interface ExecutedBlock {
  readonly hash: Hex;
  readonly transactionHashes: readonly Hex[];
}

export interface Application {
  readonly genesisHash: Hex;
  head(): BlockFacts;
  /** Builds on the head, and keeps the result so that it can be committed. */
  buildBlock(request: BuildRequest): Promise<BuiltBlock>;
  /**
   * Runs a block on the head, and keeps the result so that it can be committed.
   *
   * @throws CodedError `BLOCK_INVALID`, and nothing else, for a block that breaks a rule.
   */
  executeBlock(block: Uint8Array): Promise<ExecutedBlock>;
  /** Makes a kept block the head; durable when it resolves. */
  commitBlock(hash: Hex): Promise<unknown>;
  /** Who decides the block at `height`: any committed one, or the one after the head. */
  committeeAt(height: bigint): Promise<Committee>;
  /** @throws CodedError `BLOCK_UNKNOWN` if no block is committed at `height`. */
  blockBytes(height: bigint): Uint8Array;
}
