/**
 * Columns that nobody can audit, because their holders never had them tagged.
 * @module
 */
import { acknowledgeCount } from "@cess/params/profile";
import type { Hex } from "@cess/std/bytes";
import { ZERO_ADDRESS } from "../../messages.ts";
import type { ModuleHost } from "../../module.ts";
import { defineSchedule, hash32, type Schedule } from "../../storage.ts";
import { takeSlotFromMiner } from "./holdings.ts";
import { files } from "./records.ts";
import { shapeOf } from "./shape.ts";

/** Files looked at in one block. */
const FILES_PER_BLOCK = 8;

/** Files whose columns are to be tagged by then. */
const taggings: Schedule<Hex> = defineSchedule({ module: "files", name: "taggings" }, hash32);

/** Has a file looked at once its holders had time to have it tagged. */
export function awaitTags(host: ModuleHost, fid: Hex): Promise<void> {
  return taggings.add(host, host.height + BigInt(host.spec.unclaimedBlocks), fid);
}

/** Orders the restoral of columns that were not tagged in time. */
export async function takeUntagged(host: ModuleHost): Promise<void> {
  for (const fid of await taggings.takeDue(host, FILES_PER_BLOCK)) await takeOverdue(host, fid);
}

/**
 * Takes untagged columns from their holders while others can restore them: k must be tagged, so
 * that it is not the workers that are missing, and as many held as an upload is acknowledged with.
 */
async function takeOverdue(host: ModuleHost, fid: Hex): Promise<void> {
  const file = await files.get(host, fid);
  if (file === undefined) return;
  const { profile } = shapeOf(file.sizeBytes, file.profileId);
  const held = file.columns.filter(({ miner }) => miner !== ZERO_ADDRESS);
  const untagged = held.filter(({ tee }) => tee === ZERO_ADDRESS);
  if (untagged.length === 0) return;
  const isRestorable = held.length - untagged.length >= profile.dataCount;
  const spareCount = isRestorable ? Math.max(0, held.length - acknowledgeCount(profile)) : 0;
  const bornBy = Number(host.height) - host.spec.unclaimedBlocks;
  const overdue = untagged.filter(({ sinceBlock }) => sinceBlock <= bornBy).slice(0, spareCount);
  for (const { miner, slot } of overdue) await takeSlotFromMiner(host, miner, slot);
  if (overdue.length < untagged.length) await awaitTags(host, fid);
}
