/**
 * Blocks as bytes: the RLP of Ethereum's post-merge blocks, without uncles and withdrawals.
 * @module
 */
import { bytesToHex, equalBytes, type Hex } from "@cess/std/bytes";
import { type Block, type BlockHeader, createBlock, createBlockHeader } from "@ethereumjs/block";
import type { Common } from "@ethereumjs/common";
import { RLP } from "@ethereumjs/rlp";
import { Address } from "@ethereumjs/util";
import { ExecutionError } from "./error.ts";
import { type TrieUpdate, updateTrie } from "./trie.ts";
import { EMPTY_ROOT, encodeList, encodeString } from "./trie-node.ts";

/** Most bytes of a block (EIP-7934). */
export const BLOCK_BYTES_MAX: number = 8 * 1024 * 1024;
const EMPTY_LIST = Uint8Array.of(0xc0);

/** What the proposer chooses. */
export interface HeaderChoice {
  readonly timestampSeconds: bigint;
  readonly proposer: Uint8Array;
  readonly beacon: Uint8Array;
  readonly lastCertificateHash: Uint8Array;
}

/** What the parent and the execution leave no choice about. */
export interface HeaderOutcome {
  readonly height: bigint;
  readonly parentHash: Uint8Array;
  readonly gasLimit: bigint;
  readonly baseFee: bigint;
  readonly extraData: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly logsBloom: Uint8Array;
  readonly gasUsed: bigint;
}

export interface DecodedBlock {
  readonly header: BlockHeader;
  readonly transactions: readonly Uint8Array[];
}

export function createHeader(
  common: Common,
  choice: HeaderChoice,
  outcome: HeaderOutcome,
): BlockHeader {
  const data = {
    parentHash: outcome.parentHash,
    coinbase: new Address(choice.proposer),
    stateRoot: outcome.stateRoot,
    transactionsTrie: outcome.transactionsRoot,
    receiptTrie: outcome.receiptsRoot,
    logsBloom: outcome.logsBloom,
    number: outcome.height,
    gasLimit: outcome.gasLimit,
    gasUsed: outcome.gasUsed,
    timestamp: choice.timestampSeconds,
    extraData: outcome.extraData,
    mixHash: choice.beacon,
    baseFeePerGas: outcome.baseFee,
    parentBeaconBlockRoot: choice.lastCertificateHash,
  };
  return createBlockHeader(data, { common });
}

/** The block in which transactions run: of the header's results only what the EVM can see. */
export function createRunningBlock(
  common: Common,
  choice: HeaderChoice,
  facts: Pick<HeaderOutcome, "height" | "parentHash" | "gasLimit" | "baseFee">,
): Block {
  const outcome: HeaderOutcome = {
    ...facts,
    extraData: new Uint8Array(),
    stateRoot: EMPTY_ROOT,
    transactionsRoot: EMPTY_ROOT,
    receiptsRoot: EMPTY_ROOT,
    logsBloom: new Uint8Array(256),
    gasUsed: 0n,
  };
  return createBlock({ header: createHeader(common, choice, outcome) }, { common });
}

export function encodeBlock(header: BlockHeader, transactions: readonly Uint8Array[]): Uint8Array {
  // A legacy transaction is a list itself; the others travel as strings.
  const body = transactions.map((raw) => (raw[0]! >= 0xc0 ? raw : encodeString(raw)));
  return encodeList([RLP.encode(header.raw()), encodeList(body), EMPTY_LIST, EMPTY_LIST]);
}

/** @throws {@link ExecutionError} `BLOCK_INVALID` unless `block` is the canonical form of a block. */
export function decodeBlock(common: Common, block: Uint8Array): DecodedBlock {
  if (block.length > BLOCK_BYTES_MAX) throw invalid("too many bytes");
  try {
    const [header, body] = RLP.decode(block) as unknown as [Uint8Array[], RLPItem[]];
    const transactions = body.map((item) => (Array.isArray(item) ? RLP.encode(item) : item));
    const decoded = { header: headerFromFields(common, header), transactions };
    if (!equalBytes(encodeBlock(decoded.header, transactions), block)) {
      throw invalid("not in canonical form");
    }
    return decoded;
  } catch (cause) {
    if (cause instanceof ExecutionError) throw cause;
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

type RLPItem = Uint8Array | Uint8Array[];

/** Fields by position, as the yellow paper and the EIPs since have numbered them. */
const FIELD = {
  parentHash: 0,
  proposer: 2,
  stateRoot: 3,
  transactionsRoot: 4,
  receiptsRoot: 5,
  logsBloom: 6,
  height: 8,
  gasLimit: 9,
  gasUsed: 10,
  timestamp: 11,
  extraData: 12,
  beacon: 13,
  baseFee: 15,
  lastCertificateHash: 19,
} as const;

/** @throws {@link ExecutionError} `BLOCK_INVALID` if a field is missing. */
export function headerFromFields(common: Common, fields: readonly Uint8Array[]): BlockHeader {
  const field = (name: keyof typeof FIELD) => {
    const bytes = fields[FIELD[name]];
    if (!(bytes instanceof Uint8Array)) throw invalid(`no ${name}`);
    return bytes;
  };
  const number = (name: keyof typeof FIELD) => BigInt(bytesToHex(field(name)).padEnd(3, "0"));
  const choice = {
    timestampSeconds: number("timestamp"),
    proposer: field("proposer"),
    beacon: field("beacon"),
    lastCertificateHash: field("lastCertificateHash"),
  };
  return createHeader(common, choice, {
    height: number("height"),
    parentHash: field("parentHash"),
    gasLimit: number("gasLimit"),
    baseFee: number("baseFee"),
    extraData: field("extraData"),
    stateRoot: field("stateRoot"),
    transactionsRoot: field("transactionsRoot"),
    receiptsRoot: field("receiptsRoot"),
    logsBloom: field("logsBloom"),
    gasUsed: number("gasUsed"),
  });
}

/** Name of the first field in which two headers differ. */
export function headerDifference(left: BlockHeader, right: BlockHeader): string | undefined {
  const others = right.raw();
  const index = left
    .raw()
    .findIndex((bytes, at) => !equalBytes(bytes as Uint8Array, others[at] as Uint8Array));
  if (index === -1) return undefined;
  return Object.entries(FIELD).find(([, at]) => at === index)?.[0] ?? `field ${index}`;
}

/** Root of the trie of `items` by their indexes, as for transactions and receipts. */
export function rootOfList(items: readonly Uint8Array[]): Uint8Array {
  const updates: TrieUpdate[] = items.map((value, index) => ({ key: RLP.encode(index), value }));
  const nothing = { node: () => invalidNode(), put: () => undefined };
  return updateTrie(nothing, nothing, { root: EMPTY_ROOT, updates });
}

function invalidNode(): never {
  throw invalid("a new trie has nothing to read");
}

function invalid(reason: string, cause?: unknown): ExecutionError {
  return new ExecutionError({ code: "BLOCK_INVALID", reason }, { cause });
}

export function hashOf(header: BlockHeader): Hex {
  return bytesToHex(header.hash());
}
