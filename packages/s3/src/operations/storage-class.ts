import { PROFILES, type Profile, profileById } from "@cess/params/profile";
import { s3Error } from "../error.ts";

/** What each storage class of S3 means here. Archives that must be restored first have no like. */
const PROFILE_OF_CLASS: Readonly<Record<string, Profile>> = {
  STANDARD: PROFILES.standard,
  STANDARD_IA: PROFILES.standard,
  INTELLIGENT_TIERING: PROFILES.standard,
  REDUCED_REDUNDANCY: PROFILES.economy,
  ONEZONE_IA: PROFILES.economy,
  GLACIER_IR: PROFILES.critical,
};

export interface ChosenClass {
  readonly storageClass: string;
  readonly profile: Profile;
}

/**
 * The class that a request names, or else that of its bucket.
 *
 * @throws S3Error `InvalidStorageClass`
 */
export function chooseClass(name: string | undefined, bucketProfileId: number): ChosenClass {
  const profile = name === undefined ? profileById(bucketProfileId) : PROFILE_OF_CLASS[name];
  if (profile === undefined) throw s3Error("InvalidStorageClass");
  return { storageClass: name ?? "STANDARD", profile };
}
