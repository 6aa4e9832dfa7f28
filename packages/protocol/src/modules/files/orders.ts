import { struct, u8, u16 } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { ModuleError } from "../../error.ts";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import { SEGMENT_ALL } from "../../states.ts";
import {
  address,
  defineIndexedSet,
  defineSchedule,
  defineTable,
  hash32,
  type IndexedSet,
  NO_GROUP,
  type Place,
  placeCodec,
  type Schedule,
  safe64,
  type Table,
  unit,
} from "../../storage.ts";
import { addSpace } from "../miners/records.ts";
import { emitFiles as emit, exceptionsOf, requireFile, segmentsOf } from "./records.ts";
import { columnExtent, type Extent, fragmentExtent, shapeOf } from "./shape.ts";

/** A fragment, or the rest of a column, that nobody holds. */
export interface Order {
  /** Who held it last; zero for a column that was never placed. */
  readonly origin: Hex;
  readonly claimant: Hex;
  readonly openedBlock: number;
  /** Of the claim; 0 without one. */
  readonly deadlineBlock: number;
  /** That the claimant must pass; 0 before it completed. */
  readonly challengeId: number;
  /** Worker that tagged the restored blocks. */
  readonly tee: Hex;
}

export const orders: Table<Place, Order> = defineTable(
  { module: "files", name: "orders" },
  placeCodec,
  struct<Order>({
    origin: address,
    claimant: address,
    openedBlock: safe64,
    deadlineBlock: safe64,
    challengeId: safe64,
    tee: address,
  }),
);
export const openOrders: IndexedSet<Record<string, never>, Place> = defineIndexedSet(
  { module: "files", name: "open" },
  unit,
  placeCodec,
);
/** A claim, to be looked at when its time is over. */
export interface Claim extends Place {
  readonly claimant: Hex;
}

export const claims: Schedule<Claim> = defineSchedule(
  { module: "files", name: "claims" },
  struct<Claim>({ fid: hash32, segment: u16, column: u8, claimant: address }),
);

export async function requireOrder(host: ModuleHost, place: Place): Promise<Order> {
  const order = await orders.get(host, place);
  if (order === undefined) throw new ModuleError("NOT_FOUND", "no restoral order");
  return order;
}

export async function openOrder(host: ModuleHost, place: Place, origin: Hex): Promise<void> {
  const openedBlock = Number(host.height);
  await orders.set(host, place, { ...UNCLAIMED, origin, openedBlock });
  await openOrders.add(host, NO_GROUP, place);
  emit(host, "OrderOpened", { ...place, origin });
}

/** Ends a claim, if there is one: the order is open again. */
export async function releaseOrder(host: ModuleHost, place: Place, order: Order): Promise<void> {
  if (order.claimant === ZERO_ADDRESS) return;
  await returnSpace(host, place, order);
  const { origin, openedBlock } = order;
  await orders.set(host, place, { ...UNCLAIMED, origin, openedBlock });
  emit(host, "OrderReleased", { ...place, claimant: order.claimant });
}

/** Ends an order whose claimant became the holder. */
export async function closeOrder(host: ModuleHost, place: Place): Promise<void> {
  await orders.delete(host, place);
  await openOrders.remove(host, NO_GROUP, place);
}

/** Ends an order of a file that is going. */
export async function cancelOrder(host: ModuleHost, place: Place): Promise<void> {
  const order = await requireOrder(host, place);
  if (order.claimant !== ZERO_ADDRESS) await returnSpace(host, place, order);
  await closeOrder(host, place);
}

/** What there is to restore. */
export async function orderExtent(host: ModuleHost, place: Place): Promise<Extent> {
  const file = await requireFile(host, place.fid);
  const shape = shapeOf(file.sizeBytes, file.profileId);
  if (place.segment !== SEGMENT_ALL) return fragmentExtent(shape, place.segment);
  return columnExtent(shape, segmentsOf(await exceptionsOf(host, place)));
}

const UNCLAIMED = {
  claimant: ZERO_ADDRESS,
  deadlineBlock: 0,
  challengeId: 0,
  tee: ZERO_ADDRESS,
} as const;

async function returnSpace(host: ModuleHost, place: Place, order: Order): Promise<void> {
  const { sizeBytes } = await orderExtent(host, place);
  await addSpace(host, order.claimant, { usedBytes: -sizeBytes, taggedBytes: 0 });
}
