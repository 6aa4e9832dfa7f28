import type { FileIdentity } from "@cess/erasure/ids";
import { type Profile, profileById } from "@cess/params/profile";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { StorageClientError } from "./error.ts";

/** A file as its extents and declarations name it. */
export interface FileName {
  readonly fid: Hex;
  readonly sizeBytes: number;
  readonly profileId: number;
}

/** @throws {@link StorageClientError} `FILE_UNKNOWN` if the profile is none of ours. */
export function profileOf(file: FileName): Profile {
  const profile = profileById(file.profileId);
  if (profile === undefined) throw new StorageClientError({ code: "FILE_UNKNOWN", fid: file.fid });
  return profile;
}

export function identityOf(file: FileName): FileIdentity {
  return {
    fid: hexToBytes(file.fid, 32),
    profile: profileOf(file),
    fileSizeBytes: file.sizeBytes,
  };
}
