import { keccak256 } from "@cess/crypto/secp256k1";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Common } from "@ethereumjs/common";
import { type DecodedTransaction, decodeTransaction } from "./transaction.ts";

/** Transactions whose decoded form is remembered: 128 MiB of them at most. */
const DECODED_COUNT_MAX = 8192;
const DECODED_BYTES_MAX = 16 * 1024;

/** They follow from the rules and the bytes alone, so that nodes of one process share them. */
const known = new WeakMap<Common, BoundedMap<string, DecodedTransaction>>();

/**
 * As {@link decodeTransaction}. PERF: a transaction is decoded and its sender recovered once, not
 * for pool, build and block.
 */
export function decodeOnce(common: Common, raw: Uint8Array): DecodedTransaction {
  const decoded = known.get(common) ?? new BoundedMap(DECODED_COUNT_MAX);
  known.set(common, decoded);
  const hash = keccak256(raw);
  const name = Buffer.from(hash).toString("latin1");
  const found = decoded.get(name);
  if (found !== undefined) return found;
  const fresh = decodeTransaction(common, raw, hash);
  if (raw.length <= DECODED_BYTES_MAX) decoded.set(name, fresh);
  return fresh;
}
