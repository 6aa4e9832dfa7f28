import { createHmac, timingSafeEqual } from "node:crypto";
import { signDigest } from "@cess/crypto/secp256k1";
import { hashFragment } from "@cess/erasure/fragment-hasher";
import { type FileIdentity, isFragmentOf } from "@cess/erasure/ids";
import {
  FILE_BYTES_MAX,
  fragmentSizeBytes,
  segmentCount,
  segmentSizeBytes,
} from "@cess/erasure/layout";
import { columnCount, profileById } from "@cess/params/profile";
import type { Podr2Pool } from "@cess/proofs/podr2/worker-pool";
import { tagReportDigest } from "@cess/protocol/messages";
import { SEGMENT_ALL } from "@cess/protocol/states";
import { concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { ApiError } from "@cess/storage-wire/api-error";
import {
  type ReportItem,
  type ReportRequest,
  type TaggedFragment,
  type TagRequest,
  taggedMessage,
} from "@cess/storage-wire/tag-request";
import type { WorkerKeys } from "./sealed-keys.ts";

export interface MarkingDeps {
  readonly chainId: number;
  readonly account: Hex;
  readonly keys: WorkerKeys;
  readonly pool: Podr2Pool;
}

/**
 * Tags a fragment, if it is what its path says.
 *
 * @returns MAC ‖ tags.
 * @throws ApiError `FILE_INVALID`, `PATH_INVALID`.
 */
export async function tagFragment(
  { keys, pool }: MarkingDeps,
  head: TagRequest,
  fragment: Uint8Array,
): Promise<Uint8Array> {
  const file = toIdentity(head);
  const { segmentIndex, column } = head.path;
  if (segmentIndex >= segmentCount(file.fileSizeBytes) || column >= columnCount(file.profile)) {
    throw new ApiError("PATH_INVALID", "the file has no such place");
  }
  const segmentBytes = segmentSizeBytes(file.fileSizeBytes, segmentIndex);
  const isWhole = fragment.length === fragmentSizeBytes(file.profile, segmentBytes);
  if (!isWhole || !isFragmentOf(file, hashFragment(fragment).fragmentId, head.path)) {
    throw new ApiError("PATH_INVALID", "the bytes are not what the path leads to");
  }
  const mac = macOf(keys, { ...head, segment: segmentIndex, column });
  const name = { fid: file.fid, segmentIndex, column };
  const tags = await pool.tag({ secretKey: keys.tagSecret, fragment: name, bytes: fragment });
  return concatBytes(mac, tags);
}

/**
 * Signs for what this worker tagged, and for nothing else.
 *
 * @throws ApiError `FILE_INVALID`, `MAC_INVALID`.
 */
export function signReport(
  { chainId, account, keys }: MarkingDeps,
  request: ReportRequest,
): Uint8Array {
  const { miner, expiryBlock, items } = request;
  for (const item of items) checkMACs(keys, miner, item);
  const digest = tagReportDigest({ chainId, tee: account, miner, expiryBlock, items });
  return signDigest(digest, keys.reportKey);
}

function checkMACs(keys: WorkerKeys, miner: Hex, item: ReportItem): void {
  const { fileSizeBytes } = toIdentity(item);
  const count = segmentCount(fileSizeBytes);
  const segments =
    item.segment === SEGMENT_ALL ? Array.from({ length: count }, (_, at) => at) : [item.segment];
  const isComplete = item.macs.length === segments.length;
  const areOurs = segments.every((segment, index) => {
    const mac = item.macs[index];
    return mac !== undefined && timingSafeEqual(mac, macOf(keys, { ...item, miner, segment }));
  });
  if (!isComplete || !areOurs) {
    throw new ApiError("MAC_INVALID", `column ${item.column} of ${item.fid} was not tagged here`);
  }
}

function macOf({ macKey }: WorkerKeys, tagged: TaggedFragment): Uint8Array {
  return createHmac("sha256", macKey).update(taggedMessage(tagged)).digest();
}

function toIdentity({
  fid,
  sizeBytes,
  profileId,
}: Pick<TagRequest, "fid" | "sizeBytes" | "profileId">): FileIdentity {
  const profile = profileById(profileId);
  if (profile === undefined) throw new ApiError("FILE_INVALID", "an unknown profile");
  if (sizeBytes < 1n || sizeBytes > BigInt(FILE_BYTES_MAX)) {
    throw new ApiError("FILE_INVALID", "no file has this size");
  }
  return { fid: hexToBytes(fid, 32), profile, fileSizeBytes: Number(sizeBytes) };
}
