import { createGF256Kernel } from "@cess/kernels/gf256";
import { type GF256Matrix, multiplyThroughBank } from "@cess/kernels/gf256-bank";
import { columnCount, type Profile } from "@cess/params/profile";
import { ErasureError } from "./error.ts";
import { createGenerator, createRebuildMatrix, subMatrix } from "./generator.ts";

/** Small enough for all columns of a tile to stay in the second-level cache. */
const TILE_BYTES = 16 * 1024;

/** Systematic Reed–Solomon: any k of the k+m columns give all the others. */
export interface ErasureCode {
  readonly profile: Profile;
  /** k+m rows, k columns; the top is the identity. */
  readonly generator: GF256Matrix;
  /**
   * Sets the m parity shards of k data shards; all have one length.
   *
   * @throws {@link ErasureError} `SHARDS_TOO_FEW`, `SHARD_SIZE_INVALID`.
   */
  encode(data: readonly Uint8Array[], parityInto: readonly Uint8Array[]): void;
  /**
   * Shards of the wanted columns, data or parity, in the order asked for, from those that are there.
   * Of more than k it uses the first k by column; a wanted column that is there is given back.
   *
   * @throws {@link ErasureError} `SHARDS_TOO_FEW`, `SHARD_SIZE_INVALID`, `COLUMN_INVALID`.
   */
  rebuild(
    present: ReadonlyMap<number, Uint8Array>,
    wanted: readonly number[],
  ): Map<number, Uint8Array>;
  /**
   * Works out once how to get from k columns to others, for use on many pieces of them.
   *
   * @param present - k different columns: the order of the inputs.
   * @param wanted - Up to m columns, none of them present: the order of the outputs.
   * @throws {@link ErasureError} `SHARDS_TOO_FEW`, `COLUMN_INVALID`.
   */
  planRebuild(present: readonly number[], wanted: readonly number[]): RebuildPlan;
}

/** Sets the wanted shards from the present ones; all have one length. */
export type RebuildPlan = (
  inputs: readonly Uint8Array[],
  outputsInto: readonly Uint8Array[],
) => void;

/** @see docs/spec/data-layout.md §3 */
export function createErasureCode(profile: Profile): ErasureCode {
  const { dataCount, parityCount } = profile;
  const columns = columnCount(profile);
  const generator = createGenerator(profile);
  const parityRows = subMatrix(
    generator,
    Array.from({ length: parityCount }, (_, index) => dataCount + index),
  );
  const bank = createGF256Kernel({ shardCount: columns, shardBytes: TILE_BYTES });
  const code: ErasureCode = {
    profile,
    generator,
    encode(data, parityInto) {
      checkShards(data, dataCount);
      checkShards([...data.slice(0, 1), ...parityInto], 1 + parityCount);
      multiplyThroughBank(bank, parityRows, { inputs: data, outputs: parityInto });
    },
    rebuild(present, wanted) {
      const chosen = chooseColumns(profile, present.keys());
      const inputs = chosen.map((column) => present.get(column) as Uint8Array);
      const missing = [...new Set(wanted)].filter((column) => !present.has(column));
      const outputs = missing.map(() => new Uint8Array(inputs[0]?.length ?? 0));
      code.planRebuild(chosen, missing)(inputs, outputs);
      const rebuilt = new Map(missing.map((column, index) => [column, outputs[index]]));
      return new Map(
        wanted.map((column) => [
          column,
          (present.get(column) ?? rebuilt.get(column)) as Uint8Array,
        ]),
      );
    },
    planRebuild(present, wanted) {
      checkColumns(profile, present, wanted);
      if (wanted.length === 0) return () => {};
      const matrix = createRebuildMatrix(generator, { present, wanted });
      return (inputs, outputs) => {
        checkShards(inputs, dataCount);
        checkShards([...inputs.slice(0, 1), ...outputs], 1 + wanted.length);
        multiplyThroughBank(bank, matrix, { inputs, outputs });
      };
    },
  };
  return code;
}

/** The first k of the columns that are there: data before parity. */
export function chooseColumns({ dataCount }: Profile, present: Iterable<number>): number[] {
  return [...present].sort((left, right) => left - right).slice(0, dataCount);
}

function checkColumns(
  profile: Profile,
  present: readonly number[],
  wanted: readonly number[],
): void {
  const count = columnCount(profile);
  for (const column of [...present, ...wanted]) {
    if (!Number.isInteger(column) || column < 0 || column >= count) {
      throw new ErasureError({ code: "COLUMN_INVALID", column, count });
    }
  }
  const needCount = profile.dataCount;
  if (present.length < needCount) {
    throw new ErasureError({ code: "SHARDS_TOO_FEW", haveCount: present.length, needCount });
  }
}

/** Refuses shards that are too few or of unequal length. */
function checkShards(shards: readonly Uint8Array[], needCount: number): void {
  if (shards.length < needCount) {
    throw new ErasureError({ code: "SHARDS_TOO_FEW", haveCount: shards.length, needCount });
  }
  const needBytes = shards[0]?.length ?? 0;
  for (const { length } of shards) {
    if (length !== needBytes) {
      throw new ErasureError({ code: "SHARD_SIZE_INVALID", sizeBytes: length, needBytes });
    }
  }
}
