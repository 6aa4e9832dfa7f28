import assert from "node:assert/strict";
import { profileById } from "@cess/params/profile";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import type { CodedFile } from "./coded-file.ts";
import type { Declaration } from "./file-store.ts";
import type { FileUploadDeps } from "./file-upload.ts";
import type { MinerDirectory } from "./placement.ts";
import { collectReceipts } from "./receipt-rounds.ts";

export interface ReceiptRenewalDeps extends FileUploadDeps {
  readonly directory: Pick<MinerDirectory, "minerOf">;
}

/**
 * Has the miners of a declaration sign again, for the same territory and until later. Who fails is
 * left out.
 *
 * @throws {@link StorageClientError} `TOO_FEW_NODES`
 */
export async function renewReceipts(
  { nodes, directory, clock, chainId, expiryBlock }: ReceiptRenewalDeps,
  declaration: Declaration,
  signal: AbortSignal,
): Promise<Declaration> {
  const { fid, sizeBytes, profileId, territory } = declaration;
  const profile = profileById(profileId);
  assert(profile !== undefined, "a file of an unknown profile was written");
  const file: CodedFile = { fid, sizeBytes, profile, fragmentsOf: () => [] };
  const miners = declaration.placement.map((account) => {
    return account === ZERO_ADDRESS ? undefined : directory.minerOf(account);
  });
  const signed = await collectReceipts(file, miners, {
    take: (miner, request, stop) => nodes.takeReceipt(miner, request, stop),
    replace: () => undefined,
    clock,
    chainId,
    territory,
    expiryBlock: await expiryBlock(),
    signal,
  });
  return { ...declaration, ...signed };
}
