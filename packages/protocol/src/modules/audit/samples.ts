import assert from "node:assert/strict";
import { CHALLENGE_SAMPLES } from "@cess/params/podr2";
import { samplePositions } from "@cess/proofs/podr2/challenge";
import type { Hex } from "@cess/std/bytes";
import type { ModuleHost } from "../../module.ts";
import type { Sample } from "../../proof-verifier.ts";
import { SEGMENT_ALL } from "../../states.ts";
import type { Place } from "../../storage.ts";
import {
  type Exception,
  exceptionsOf,
  type FileRecord,
  requireFile,
  segmentsOf,
} from "../files/records.ts";
import { blockAt, columnExtent, fragmentExtent, shapeOf } from "../files/shape.ts";
import { countAuditBlocks, findPositions, placeAt } from "./slots.ts";

/** Draws blocks uniformly over all that a miner has tagged. */
export async function drawFromMiner(
  host: ModuleHost,
  miner: Hex,
  seed: Uint8Array,
): Promise<readonly Sample[]> {
  const totalBlocks = await countAuditBlocks(host, miner);
  const positions = samplePositions(seed, { totalBlocks, count: CHALLENGE_SAMPLES });
  const reader = createReader(host);
  const samples: Sample[] = [];
  for (const { slot, offset } of await findPositions(host, miner, positions)) {
    const held = await reader.heldAt(miner, slot);
    const { segment, blockIndex } = blockOf(held, offset);
    const { fid, column } = held.place;
    samples.push({ fid, column, segment, blockIndex, tee: teeOf(held) });
  }
  return samples;
}

/** Draws blocks of one place that is to be restored, tagged by `tee`. */
export async function drawFromPlace(
  host: ModuleHost,
  place: Place,
  by: { readonly tee: Hex; readonly seed: Uint8Array },
): Promise<readonly Sample[]> {
  const held = await createReader(host).read(place);
  const totalBlocks = blocksOf(held);
  const positions = samplePositions(by.seed, { totalBlocks, count: CHALLENGE_SAMPLES });
  const { fid, column } = place;
  return positions.map((position) => {
    return { fid, column, ...blockOf(held, position), tee: by.tee };
  });
}

interface Held {
  readonly place: Place;
  readonly file: FileRecord;
  readonly exceptions: readonly Exception[];
}

/** Reads each slot and each column once, however many samples fall into it. */
function createReader(host: ModuleHost) {
  const bySlot = new Map<number, Held>();
  const byColumn = new Map<string, Held>();
  async function read(place: Place): Promise<Held> {
    const name = `${place.fid}/${place.column}`;
    let known = byColumn.get(name);
    if (known === undefined) {
      const file = await requireFile(host, place.fid);
      known = { place, file, exceptions: await exceptionsOf(host, place) };
      byColumn.set(name, known);
    }
    return { ...known, place };
  }
  return {
    read,
    async heldAt(miner: Hex, slot: number): Promise<Held> {
      const known = bySlot.get(slot);
      if (known !== undefined) return known;
      const place = await placeAt(host, miner, slot);
      assert(place !== undefined, "the audit set counts blocks of a free slot");
      const held = await read(place);
      bySlot.set(slot, held);
      return held;
    },
  };
}

function blocksOf({ place, file, exceptions }: Held): number {
  const shape = shapeOf(file.sizeBytes, file.profileId);
  if (place.segment !== SEGMENT_ALL) return fragmentExtent(shape, place.segment).blockCount;
  return columnExtent(shape, segmentsOf(exceptions)).blockCount;
}

function blockOf(
  { place, file, exceptions }: Held,
  offset: number,
): { readonly segment: number; readonly blockIndex: number } {
  if (place.segment !== SEGMENT_ALL) return { segment: place.segment, blockIndex: offset };
  return blockAt(shapeOf(file.sizeBytes, file.profileId), segmentsOf(exceptions), offset);
}

function teeOf({ place, file, exceptions }: Held): Hex {
  const holding =
    place.segment === SEGMENT_ALL
      ? file.columns[place.column]
      : exceptions.find((exception) => exception.segment === place.segment);
  assert(holding !== undefined, "a slot names a place that the file does not have");
  return holding.tee;
}
