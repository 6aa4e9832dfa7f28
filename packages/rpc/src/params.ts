/**
 * Reads the parameters of a request: each reader checks form and range, and says what was wrong.
 * @module
 */
import type { AccessListEntry, CallRequest } from "@cess/execution/call-runner";
import type { BlockReference } from "@cess/execution/chain-reader";
import type { LogFilter } from "@cess/execution/log-query";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { RPCError } from "./error.ts";

export type Params = readonly unknown[];
type Fields = Readonly<Record<string, unknown>>;

const QUANTITY = /^0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/;
const DATA = /^0x([0-9a-fA-F]{2})*$/;
const DATA_BYTES_MAX = 256 * 1024;
const FILTER_ADDRESSES_MAX = 1000;
const TOPIC_ALTERNATIVES_MAX = 1000;
const TOPICS_MAX = 4;
const ACCESS_LIST_MAX = 1000;

export function readQuantity(value: unknown, name: string): bigint {
  if (typeof value === "string" && QUANTITY.test(value)) return BigInt(value);
  throw invalid(`${name} is not a quantity`);
}

/** As {@link readQuantity}, or a plain JSON integer, up to `max`. */
export function readCount(value: unknown, name: string, max: number): number {
  const count = typeof value === "number" ? value : Number(readQuantity(value, name));
  if (!Number.isInteger(count) || count < 0) throw invalid(`${name} is not a count`);
  return Math.min(count, max);
}

export function readData(value: unknown, name: string, sizeBytes?: number): Hex {
  const isData = typeof value === "string" && value.length <= 2 + 2 * DATA_BYTES_MAX;
  if (!isData || !DATA.test(value)) throw invalid(`${name} is not hex data`);
  if (sizeBytes !== undefined && value.length !== 2 + 2 * sizeBytes) {
    throw invalid(`${name} does not have ${sizeBytes} bytes`);
  }
  return value.toLowerCase() as Hex;
}

export function readAddress(value: unknown, name = "address"): Hex {
  return readData(value, name, 20);
}

export function readHash(value: unknown, name = "hash"): Hex {
  return readData(value, name, 32);
}

/** A storage slot: 32 bytes, or a quantity. */
export function readSlot(value: unknown): Uint8Array {
  const digits = typeof value === "string" ? value.slice(2) : "";
  const isSlot = digits.length > 0 && digits.length <= 64 && /^[0-9a-fA-F]*$/.test(digits);
  if (!isSlot || !String(value).startsWith("0x")) throw invalid("slot is not a 32 byte key");
  return hexToBytes(digits.padStart(64, "0"), 32);
}

export function readBoolean(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(`${name} is not a boolean`);
}

/** A tag, a height, a hash, or an object as EIP-1898 has it; the head if left out. */
export function readBlock(value: unknown): BlockReference {
  if (value === undefined || value === null) return "latest";
  if (typeof value === "object") {
    const { blockHash, blockNumber } = value as Fields;
    if (blockHash !== undefined) return readHash(blockHash, "blockHash");
    return readQuantity(blockNumber, "blockNumber");
  }
  switch (value) {
    // A block is final once it is committed, and nothing is built before it is proposed.
    case "latest":
    case "safe":
    case "finalized":
    case "pending":
      return "latest";
    case "earliest":
      return 0n;
    default:
      return readQuantity(value, "block");
  }
}

export function readCall(value: unknown): CallRequest {
  const fields = readFields(value, "transaction");
  const { from, to, gas, gasPrice, maxFeePerGas } = fields;
  const data = fields["input"] ?? fields["data"];
  const price = gasPrice ?? maxFeePerGas;
  return {
    ...(isGiven(from) ? { from: readAddress(from, "from") } : {}),
    ...(isGiven(to) ? { to: readAddress(to, "to") } : {}),
    ...(isGiven(data) ? { data: hexToBytes(readData(data, "data")) } : {}),
    ...(isGiven(fields["value"]) ? { valueWei: readQuantity(fields["value"], "value") } : {}),
    ...(isGiven(gas) ? { gas: readQuantity(gas, "gas") } : {}),
    ...(isGiven(fields["accessList"]) ? { accessList: readAccessList(fields["accessList"]) } : {}),
    ...(isGiven(price) ? { gasPrice: readQuantity(price, "gasPrice") } : {}),
  };
}

function readAccessList(value: unknown): readonly AccessListEntry[] {
  return readList(value, "accessList", ACCESS_LIST_MAX).map((entry) => {
    const { address, storageKeys } = readFields(entry, "accessList entry");
    const keys = readList(storageKeys, "storageKeys", ACCESS_LIST_MAX);
    return { address: readAddress(address), storageKeys: keys.map((key) => readHash(key, "key")) };
  });
}

export interface LogsRequest {
  readonly filter: LogFilter;
  readonly blockHash: Hex | undefined;
  readonly from: BlockReference;
  readonly to: BlockReference;
}

export function readLogsRequest(value: unknown): LogsRequest {
  const fields = readFields(value ?? {}, "filter");
  const { blockHash, fromBlock, toBlock } = fields;
  if (blockHash !== undefined && (fromBlock !== undefined || toBlock !== undefined)) {
    throw invalid("blockHash excludes fromBlock and toBlock");
  }
  return {
    filter: readLogFilter(fields),
    blockHash: blockHash === undefined ? undefined : readHash(blockHash, "blockHash"),
    from: readBlock(fromBlock),
    to: readBlock(toBlock),
  };
}

export function readLogFilter({ address, topics }: Fields): LogFilter {
  const addresses = isGiven(address) ? readAddresses(address) : [];
  if (isGiven(topics) && (!Array.isArray(topics) || topics.length > TOPICS_MAX)) {
    throw invalid("topics");
  }
  return {
    // An empty list asks for every address, as other nodes have it.
    ...(addresses.length > 0 ? { addresses } : {}),
    topics: Array.isArray(topics) ? topics.map(readTopic) : [],
  };
}

function readAddresses(value: unknown): readonly Hex[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > FILTER_ADDRESSES_MAX) throw invalid("too many addresses");
  return list.map((each) => readAddress(each));
}

function readTopic(value: unknown): readonly Hex[] | undefined {
  if (!isGiven(value)) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > TOPIC_ALTERNATIVES_MAX) throw invalid("too many topics");
  if (list.length === 0 || list.some((each) => each === null)) return undefined;
  return list.map((each) => readHash(each, "topic"));
}

export function readFields(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${name} is not an object`);
}

export function readList(value: unknown, name: string, countMax: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} is not a list`);
  if (value.length > countMax) throw invalid(`${name} has more than ${countMax} entries`);
  return value;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function invalid(reason: string): RPCError {
  return new RPCError({ code: "PARAMS_INVALID", reason });
}
