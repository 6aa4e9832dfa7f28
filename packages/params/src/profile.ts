import { MIB } from "@cess/std/units";

/** How a segment becomes fragments: any `dataCount` of the `dataCount + parityCount` rebuild it. */
export interface Profile {
  readonly id: number;
  readonly name: ProfileName;
  readonly dataCount: number;
  readonly parityCount: number;
}

export type ProfileName = "standard" | "economy" | "critical";

/** On chain and on disk a profile is its `id`: entries are append-only. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  standard: { id: 0, name: "standard", dataCount: 4, parityCount: 8 },
  economy: { id: 1, name: "economy", dataCount: 8, parityCount: 4 },
  critical: { id: 2, name: "critical", dataCount: 4, parityCount: 12 },
};

export function profileById(id: number): Profile | undefined {
  return Object.values(PROFILES).find((profile) => profile.id === id);
}

/** Columns of a profile, one miner each. */
export function columnCount(profile: Profile): number {
  return profile.dataCount + profile.parityCount;
}

/** Fragments of a segment that must be durable before an upload is acknowledged: k + ⌈m/2⌉. */
export function acknowledgeCount(profile: Profile): number {
  return profile.dataCount + Math.ceil(profile.parityCount / 2);
}

/** Most bytes of a file in one segment. */
export const SEGMENT_BYTES_MAX: number = 32 * MIB;
/** Leaf of a fragment's Merkle tree, and the unit in which a segment is dealt to its columns. */
export const LEAF_BYTES: number = 64 * 1024;
/** Segments of one file: 31.25 GiB. */
export const FILE_SEGMENTS_MAX: number = 1000;
/** Columns of the widest profile. */
export const COLUMNS_MAX: number = 16;
