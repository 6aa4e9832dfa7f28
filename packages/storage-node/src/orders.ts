import type { ChainReader } from "@cess/chain-client/chain";
import { readAll } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import type { ViewResult } from "@cess/chain-client/modules";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import type { PiecePlace } from "./piece.ts";

export type Order = ViewResult<"files", "orderOf">;

const PAGE_ENTRIES = 100n;

export function readOrders(chain: ChainReader): Promise<readonly Order[]> {
  return readAll((offset) => chain.read("files", "listOrders", [offset, PAGE_ENTRIES]));
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

export function isUnclaimed(order: Order): boolean {
  return order.claimant === ZERO_ADDRESS;
}
