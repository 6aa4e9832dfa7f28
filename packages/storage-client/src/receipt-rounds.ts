import { sumBLS, verifyBLS, verifySameMessage } from "@cess/crypto/bls";
import { CryptoError } from "@cess/crypto/error";
import { acknowledgeCount } from "@cess/params/profile";
import { receiptMessage, ZERO_ADDRESS } from "@cess/protocol/messages";
import type { Clock } from "@cess/runtime/clock";
import type { Hex } from "@cess/std/bytes";
import type { ReceiptRequest } from "@cess/storage-wire/receipt-request";
import { awaitMost } from "./await-most.ts";
import { type CodedFile, type ReceiptTerms, receiptRequestOf } from "./coded-file.ts";
import { StorageClientError } from "./error.ts";
import type { StorageMiner } from "./placement.ts";

/** Miner of each column; undefined where the column stays empty. */
export type Placement = readonly (StorageMiner | undefined)[];

export interface SignedPlacement extends ReceiptTerms {
  /** Aggregate of all receipts, 96 bytes. */
  readonly signature: Uint8Array;
}

export interface ReceiptRounds {
  readonly chainId: number;
  readonly territory: Hex;
  readonly expiryBlock: bigint;
  /** Stores what is not stored yet, and takes the receipt of one miner. */
  readonly take: (
    miner: StorageMiner,
    request: ReceiptRequest,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  /** Another miner for a column whose miner failed, or undefined to leave the column empty. */
  readonly replace: (column: number) => StorageMiner | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Each round drops the miners that failed, so a few are enough or the network is down. */
const ROUNDS_MAX = 4;
/** A miner that has not signed this long after the others is left out. */
const STALL_MS = 2_500;
const PATIENCE_MS = 60_000;

/**
 * Collects the receipts of all miners of a placement. All sign the same placement, so when one
 * fails, the placement without it is signed anew by the others.
 *
 * @throws {@link StorageClientError} `TOO_FEW_NODES` if fewer columns are held than an upload needs.
 */
export async function collectReceipts(
  file: CodedFile,
  miners: Placement,
  rounds: ReceiptRounds,
): Promise<SignedPlacement> {
  const needCount = acknowledgeCount(file.profile);
  let current = [...miners];
  let reason = "none was asked";
  for (let round = 0; round < ROUNDS_MAX && countMiners(current) >= needCount; round += 1) {
    const placement = current.map((miner) => miner?.account ?? ZERO_ADDRESS);
    const { territory, expiryBlock } = rounds;
    const terms = { territory, expiryBlock, placement };
    const outcomes = await askAll(file, { miners: current, terms }, rounds);
    rounds.signal.throwIfAborted();
    const message = receiptMessage({
      chainId: rounds.chainId,
      fid: file.fid,
      sizeBytes: file.sizeBytes,
      profileId: file.profile.id,
      ...terms,
    });
    const signature = aggregate(message, current, outcomes);
    const failed = outcomes.filter((outcome) => outcome instanceof StorageClientError);
    if (signature !== undefined) return { ...terms, signature };
    reason = failed[0]?.message ?? reason;
    current = current.map((miner, column) =>
      outcomes[column] instanceof StorageClientError ? rounds.replace(column) : miner,
    );
  }
  const haveCount = countMiners(current);
  throw new StorageClientError({ code: "TOO_FEW_NODES", needCount, haveCount, reason });
}

/**
 * The sum of all receipts, if there is one from every miner and it verifies. A wrong receipt would
 * have the chain refuse the file: it is turned into its miner's failure.
 */
function aggregate(
  message: Uint8Array,
  miners: Placement,
  outcomes: Outcome[],
): Uint8Array | undefined {
  const signatures = outcomes.filter((outcome) => outcome instanceof Uint8Array);
  const keys = miners.flatMap((miner) => (miner === undefined ? [] : [miner.blsPublicKey]));
  if (signatures.length === keys.length) {
    const sum = sumOf(signatures);
    if (sum !== undefined && verifySameMessage(message, keys, sum)) return sum;
  }
  for (const [column, signature] of outcomes.entries()) {
    const miner = miners[column];
    if (miner === undefined || !(signature instanceof Uint8Array)) continue;
    const { account, blsPublicKey } = miner;
    if (verifyBLS({ message, publicKey: blsPublicKey, signature })) continue;
    const reason = "a receipt that does not verify";
    outcomes[column] = new StorageClientError({ code: "BYTES_FORGED", account, reason });
  }
  return undefined;
}

function sumOf(signatures: readonly Uint8Array[]): Uint8Array | undefined {
  try {
    return sumBLS(signatures);
  } catch (cause) {
    // One of them is no signature at all: the check one by one finds whose.
    if (cause instanceof CryptoError) return undefined;
    throw cause;
  }
}

type Outcome = Uint8Array | StorageClientError | undefined;

/** One outcome a column: a receipt, a failure, or undefined where there is no miner. */
async function askAll(
  file: CodedFile,
  { miners, terms }: { readonly miners: Placement; readonly terms: ReceiptTerms },
  { take, clock, signal }: ReceiptRounds,
): Promise<Outcome[]> {
  const leave = miners.map(() => new AbortController());
  const asked = miners.map(async (miner, column): Promise<Outcome> => {
    const stop = AbortSignal.any([signal, (leave[column] as AbortController).signal]);
    if (miner === undefined) return undefined;
    try {
      return await take(miner, receiptRequestOf(file, column, terms), stop);
    } catch (cause) {
      // A miner that fails is replaced or left out; anything else is our own bug.
      if (cause instanceof StorageClientError) return cause;
      throw cause;
    }
  });
  const needCount = acknowledgeCount(file.profile) + miners.length - countMiners(miners);
  await awaitMost(clock, asked, {
    patience: { needCount, stallMs: STALL_MS, patienceMs: PATIENCE_MS },
    giveUp: (column) => leave[column]?.abort(straggler(miners[column])),
  });
  return Promise.all(asked);
}

function straggler(miner: StorageMiner | undefined): StorageClientError {
  const reason = "it is far behind the others";
  const account = miner?.account ?? ZERO_ADDRESS;
  return new StorageClientError({ code: "NODE_FAILED", account, status: 0, reason });
}

export function countMiners(miners: Placement): number {
  return miners.filter((miner) => miner !== undefined).length;
}
