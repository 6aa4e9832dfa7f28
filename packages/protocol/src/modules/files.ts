import type { Hex } from "@cess/std/bytes";
import { filesAbi } from "../abi/files.ts";
import { require } from "../error.ts";
import { ZERO_ADDRESS } from "../messages.ts";
import { defineModule, type Handlers, type ModuleDefinition, type ModuleHost } from "../module.ts";
import { MINER_STATE, RIGHTS, SEGMENT_ALL, TERRITORY_STATE } from "../states.ts";
import { NO_GROUP, PAGE_COUNT_MAX, type Place } from "../storage.ts";
import { countSlots } from "./audit/slots.ts";
import { declareFile, requireAccess } from "./files/declaration.ts";
import { endOwnership, takeFromMiner, takeSlotFromMiner } from "./files/holdings.ts";
import { type Order, openOrders, requireOrder } from "./files/orders.ts";
import {
  type Column,
  exceptionsOf,
  filesIn,
  forgetReceipts,
  ownersOf,
  files as records,
  requireFile,
} from "./files/records.ts";
import { requireReport, tagColumn } from "./files/reports.ts";
import { claimOrder, completeOrder, releaseOverdueClaims } from "./files/restoral.ts";
import { columnExtent, shapeOf } from "./files/shape.ts";
import { takeUntagged } from "./files/untagged.ts";
import { evictions, standings } from "./miners/records.ts";
import { refund, requireTerritory, sweeps } from "./territory/records.ts";

const BATCH_MAX = 64;
/** Slots that are taken from frozen and leaving miners in one turn, and turns of one block. */
const SLOTS_PER_TURN = 16;
const TURNS_PER_BLOCK = 4;
/** Files that one expired territory loses in one turn, and turns of one block. */
const FILES_PER_TURN = 8;

const calls: Handlers<typeof filesAbi> = {
  async declare(context, [declarations]) {
    requireBatch(declarations.length);
    for (const declared of declarations) await declareFile(context, declared);
  },
  async remove(context, [territory, fids]) {
    requireBatch(fids.length);
    const owner = await requireAccess(context, territory, RIGHTS.remove);
    for (const fid of fids) await releaseFile(context, fid, { territory, owner });
  },
  async reportTags(context, [report]) {
    await requireReport(context, report);
    for (const item of report.items) await tagColumn(context, item, report);
  },
  async reportLost(context, [fid, segment, column]) {
    const { caller: miner } = context;
    const file = await requireFile(context, fid);
    const { segmentCount } = shapeOf(file.sizeBytes, file.profileId);
    const exceptions = await exceptionsOf(context, { fid, column });
    const exception = exceptions.find((found) => found.segment === segment);
    const isKnown = segment === SEGMENT_ALL || segment < segmentCount;
    const holder = exception?.miner ?? (isKnown ? file.columns[column]?.miner : undefined);
    const isHolder = holder === miner && miner !== ZERO_ADDRESS;
    require(isHolder, "NOT_ALLOWED", "the caller does not hold it");
    const known = new Set(exceptions.map((found) => found.segment));
    const rest = Array.from({ length: segmentCount }, (_, index) => index);
    const segments =
      segment === SEGMENT_ALL ? rest.filter((index) => !known.has(index)) : [segment];
    await takeFromMiner(context, { miner, fid, column, segments });
  },
  async claimRestoral(context, [fid, segment, column]) {
    await claimOrder(context, { fid, segment, column });
  },
  async completeRestoral(context, [report]) {
    await requireReport(context, report);
    const [item, ...others] = report.items;
    const isOne = item !== undefined && others.length === 0;
    require(isOne, "ARGUMENT_INVALID", "one item: that of the order");
    await completeOrder(context, item, report.tee);
  },
  fileOf: (context, [fid]) => viewFile(context, fid),
  hasFile: async (context, [fid]) => (await records.get(context, fid)) !== undefined,
  async orderOf(context, [fid, segment, column]) {
    const place = { fid, segment, column };
    return viewOrder(place, await requireOrder(context, place));
  },
  async listOrders(context, [offset, count]) {
    const found: ReturnType<typeof viewOrder>[] = [];
    for (const place of await openOrders.page(context, NO_GROUP, { offset, count })) {
      found.push(viewOrder(place, await requireOrder(context, place)));
    }
    return [found, BigInt(await openOrders.count(context, NO_GROUP))];
  },
};

export const files: ModuleDefinition = defineModule("files", filesAbi, {
  calls,
  async beginBlock(host) {
    await releaseOverdueClaims(host);
    await takeUntagged(host);
    await sweepTerritories(host);
    await evictMiners(host);
    await forgetReceipts(host);
  },
});

function requireBatch(count: number): void {
  require(count > 0 && count <= BATCH_MAX, "ARGUMENT_INVALID", `1 to ${BATCH_MAX} in a call`);
}

/** Ends one ownership and gives the territory its bytes back; does nothing if there is none. */
async function releaseFile(
  host: ModuleHost,
  fid: Hex,
  by: { readonly territory: Hex; readonly owner: Hex },
): Promise<void> {
  if (!(await ownersOf.has(host, { fid }, by.territory))) return;
  const file = await requireFile(host, fid);
  const shape = shapeOf(file.sizeBytes, file.profileId);
  await refund(host, by.territory, columnExtent(shape, []).sizeBytes * shape.columnCount);
  await endOwnership(host, fid, by);
}

async function sweepTerritories(host: ModuleHost): Promise<void> {
  for (const territory of await sweeps.takeDue(host, TURNS_PER_BLOCK)) {
    const { owner, notedState } = await requireTerritory(host, territory);
    if (notedState !== TERRITORY_STATE.expired) continue; // Bought anew since.
    const page = { offset: 0n, count: BigInt(FILES_PER_TURN) };
    for (const fid of await filesIn.page(host, { territory }, page)) {
      await releaseFile(host, fid, { territory, owner });
    }
    const isLeft = (await filesIn.count(host, { territory })) > 0;
    if (isLeft) await sweeps.add(host, host.height + 1n, territory);
  }
}

async function evictMiners(host: ModuleHost): Promise<void> {
  for (const { miner, slot } of await evictions.takeDue(host, TURNS_PER_BLOCK)) {
    const state = (await standings.get(host, miner))?.state;
    if (state !== MINER_STATE.frozen && state !== MINER_STATE.exiting) continue;
    const end = Math.min(slot + SLOTS_PER_TURN, await countSlots(host, miner));
    for (let next = slot; next < end; next += 1) await takeSlotFromMiner(host, miner, next);
    const isLeft = end < (await countSlots(host, miner));
    if (isLeft) await evictions.add(host, host.height + 1n, { miner, slot: end });
  }
}

async function viewFile(host: ModuleHost, fid: Hex) {
  const file = await requireFile(host, fid);
  const page = { offset: 0n, count: BigInt(PAGE_COUNT_MAX) };
  const owners: { account: Hex; territory: Hex }[] = [];
  for (const territory of await ownersOf.page(host, { fid }, page)) {
    owners.push({ account: (await requireTerritory(host, territory)).owner, territory });
  }
  const overrides: (ReturnType<typeof viewHolding> & { segment: number; column: number })[] = [];
  for (const column of file.columns.keys()) {
    for (const exception of await exceptionsOf(host, { fid, column })) {
      overrides.push({ segment: exception.segment, column, ...viewHolding(exception) });
    }
  }
  return {
    fid,
    sizeBytes: BigInt(file.sizeBytes),
    profile: file.profileId,
    declaredBlock: BigInt(file.declaredBlock),
    owners,
    holdings: file.columns.map(viewHolding),
    overrides,
  };
}

function viewHolding({ miner, tee, sinceBlock }: Column) {
  return { miner, tee, sinceBlock: BigInt(sinceBlock) };
}

function viewOrder(place: Place, order: Order) {
  return {
    ...place,
    origin: order.origin,
    claimant: order.claimant,
    openedBlock: BigInt(order.openedBlock),
    deadlineBlock: BigInt(order.deadlineBlock),
    challengeId: BigInt(order.challengeId),
  };
}
