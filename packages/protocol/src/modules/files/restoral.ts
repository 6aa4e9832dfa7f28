import type { Hex } from "@cess/std/bytes";
import { require } from "../../error.ts";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { CallContext, ModuleHost } from "../../module.ts";
import { MINER_STATE } from "../../states.ts";
import type { Place } from "../../storage.ts";
import { openRestoral } from "../audit/challenges.ts";
import { penalise, requireStanding, reserveSpace } from "../miners/records.ts";
import { giveToMiner } from "./holdings.ts";
import { claims, orderExtent, orders, releaseOrder, requireOrder } from "./orders.ts";
import { emitFiles as emit, exceptionsOf, requireFile } from "./records.ts";

/** Claims looked at in one block. */
const CLAIMS_PER_BLOCK = 64;

export async function claimOrder(context: CallContext, place: Place): Promise<void> {
  const { caller, spec, height } = context;
  const order = await requireOrder(context, place);
  require(order.claimant === ZERO_ADDRESS, "STATE_WRONG", "the order is claimed");
  const freeBlock = BigInt(order.openedBlock + spec.restoralGraceBlocks);
  if (height < freeBlock) {
    const isHolder = await holdsPartOf(context, caller, place.fid);
    require(!isHolder, "TOO_EARLY", `holders of the file may claim from block ${freeBlock}`);
  }
  await reserveSpace(context, caller, (await orderExtent(context, place)).sizeBytes);
  const deadlineBlock = height + BigInt(spec.restoralBlocks);
  const claimed = { ...order, claimant: caller, deadlineBlock: Number(deadlineBlock) };
  await orders.set(context, place, claimed);
  await claims.add(context, deadlineBlock + 1n, { ...place, claimant: caller });
  emit(context, "OrderClaimed", { ...place, claimant: caller, deadlineBlock });
}

/** Begins the challenge that makes the claimant the holder; the report was verified. */
export async function completeOrder(context: CallContext, place: Place, tee: Hex): Promise<void> {
  const order = await requireOrder(context, place);
  require(order.claimant === context.caller, "NOT_ALLOWED", "another miner's order");
  require(order.challengeId === 0, "STATE_WRONG", "the challenge of the order is open");
  require(context.height <= BigInt(order.deadlineBlock), "EXPIRED", "the claim is over");
  const challengeId = await openRestoral(context, { miner: context.caller, tee, place });
  await orders.set(context, place, { ...order, challengeId, tee });
}

/** After the challenge of a restoral. The file may have gone, and the miner may be leaving. */
export async function finishRestoral(
  host: ModuleHost,
  restored: { readonly challengeId: number; readonly place: Place; readonly hasPassed: boolean },
): Promise<void> {
  const { challengeId, place, hasPassed } = restored;
  const order = await orders.get(host, place);
  if (order === undefined || order.challengeId !== challengeId) return;
  const { claimant: miner, tee } = order;
  const { state } = await requireStanding(host, miner);
  if (hasPassed && state === MINER_STATE.active) {
    await giveToMiner(host, place, { miner, tee });
    return;
  }
  await releaseOrder(host, place, order);
  if (!hasPassed) await penalise(host, miner);
}

/** Releases claims whose time is over. A claim that awaits its challenge is left to that. */
export async function releaseOverdueClaims(host: ModuleHost): Promise<void> {
  for (const { claimant, ...place } of await claims.takeDue(host, CLAIMS_PER_BLOCK)) {
    const order = await orders.get(host, place);
    const isOver =
      order?.claimant === claimant &&
      order.challengeId === 0 &&
      host.height > BigInt(order.deadlineBlock);
    if (order === undefined || !isOver) continue;
    await releaseOrder(host, place, order);
    await penalise(host, claimant);
  }
}

async function holdsPartOf(host: ModuleHost, miner: Hex, fid: Hex): Promise<boolean> {
  const file = await requireFile(host, fid);
  if (file.columns.some((column) => column.miner === miner)) return true;
  for (const column of file.columns.keys()) {
    const exceptions = await exceptionsOf(host, { fid, column });
    if (exceptions.some((exception) => exception.miner === miner)) return true;
  }
  return false;
}
