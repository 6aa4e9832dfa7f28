import type { ContractFunctionArgs } from "viem";
import type { filesAbi } from "../../abi/files.ts";
import { requireBytes, signerOf } from "../../checks.ts";
import { require } from "../../error.ts";
import { tagReportDigest, ZERO_ADDRESS } from "../../messages.ts";
import { type CallContext, GAS } from "../../module.ts";
import { SEGMENT_ALL } from "../../states.ts";
import { setSlotBlocks } from "../audit/slots.ts";
import { addSpace } from "../miners/records.ts";
import { canTag, noteWork, requireWorker } from "../tee/records.ts";
import {
  type Column,
  emitFiles as emit,
  exceptionsOf,
  requireFile,
  segmentsOf,
  setColumn,
} from "./records.ts";
import { columnExtent, shapeOf } from "./shape.ts";

export type TagReport = ContractFunctionArgs<typeof filesAbi, "nonpayable", "reportTags">[0];
type TagItem = TagReport["items"][number];

export const REPORT_ITEMS_MAX = 256;

/** Refuses a report that an active worker did not sign for the caller, or not for now. */
export async function requireReport(context: CallContext, report: TagReport): Promise<void> {
  const { tee, miner, expiryBlock, items } = report;
  const fits = items.length > 0 && items.length <= REPORT_ITEMS_MAX;
  require(fits, "ARGUMENT_INVALID", `1 to ${REPORT_ITEMS_MAX} items`);
  require(miner === context.caller, "NOT_ALLOWED", "the report is another miner's");
  require(context.height <= expiryBlock, "EXPIRED", "the report is no longer valid");
  const worker = await requireWorker(context, tee);
  require(canTag(worker), "STATE_WRONG", "the worker does not tag, or is retired");
  const signature = requireBytes(report.signature, 65, "signature");
  context.chargeGas(GAS.recoverSigner + GAS.byte * BigInt(35 * items.length));
  const { chainId } = context.spec;
  const signer = signerOf(tagReportDigest({ chainId, tee, miner, expiryBlock, items }), signature);
  require(signer === worker.reportSigner, "SIGNATURE_INVALID", "not signed by the worker");
  await noteWork(context, tee, 0);
}

/** Puts a column that its holder had tagged into the holder's audit set. */
export async function tagColumn(
  context: CallContext,
  item: TagItem,
  report: TagReport,
): Promise<void> {
  const { fid, column: index, segment } = item;
  const { tee } = report;
  require(segment === SEGMENT_ALL, "ARGUMENT_INVALID", "columns are tagged whole");
  const file = await requireFile(context, fid);
  const column: Column | undefined = file.columns[index];
  const isHolder = column?.miner === context.caller;
  require(isHolder, "NOT_ALLOWED", "the miner does not hold the column");
  require(column.tee === ZERO_ADDRESS, "ALREADY_EXISTS", "the column is tagged");
  const without = segmentsOf(await exceptionsOf(context, { fid, column: index }));
  const extent = columnExtent(shapeOf(file.sizeBytes, file.profileId), without);
  await setColumn(context, { fid, column: index }, { ...column, tee });
  const { miner, slot } = column;
  await setSlotBlocks(context, { miner, slot, blockCount: extent.blockCount });
  await addSpace(context, miner, { usedBytes: 0, taggedBytes: extent.sizeBytes });
  emit(context, "Tagged", { ...item, miner, tee });
}
