import type { ChainReader } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import type { ViewResult } from "@cess/chain-client/modules";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import { SEGMENT_ALL } from "@cess/protocol/states";
import type { Random } from "@cess/runtime/random";
import type { PiecePlace } from "./piece.ts";

export type Order = ViewResult<"files", "orderOf">;

const PAGE_ENTRIES = 100;
/** Orders looked at in a round: many miners share them, and each begins elsewhere. */
const PAGES_MAX = 5;

/** Open orders: all of them, or as many from a random one on. */
export async function readOrders(chain: ChainReader, random: Random): Promise<readonly Order[]> {
  const read = (offset: number) =>
    chain.read("files", "listOrders", [BigInt(offset), BigInt(PAGE_ENTRIES)]);
  const [first, total] = await read(0);
  const count = Number(total);
  if (count <= PAGE_ENTRIES) return first;
  const begin = count > PAGES_MAX * PAGE_ENTRIES ? random.below(count) : 0;
  const orders: Order[] = [];
  for (let page = 0; page < PAGES_MAX && page * PAGE_ENTRIES < count; page += 1) {
    const [entries] = await read((begin + page * PAGE_ENTRIES) % count);
    orders.push(...entries);
  }
  return orders;
}

/** @returns undefined if there is no order for exactly this place. */
export async function readOrder(
  chain: ChainReader,
  { fid, segment, column }: PiecePlace,
): Promise<Order | undefined> {
  try {
    return await chain.read("files", "orderOf", [fid, segment, column]);
  } catch (cause) {
    if (isRefusal(cause)) return undefined;
    throw cause;
  }
}

/** The order that a place is under: its own, or that of all of its column. */
export async function orderFor(chain: ChainReader, place: PiecePlace): Promise<Order | undefined> {
  return (
    (await readOrder(chain, place)) ?? (await readOrder(chain, { ...place, segment: SEGMENT_ALL }))
  );
}

export function isUnclaimed(order: Order): boolean {
  return order.claimant === ZERO_ADDRESS;
}
