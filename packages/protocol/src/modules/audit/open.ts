import { struct } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import type { ModuleHost } from "../../module.ts";
import {
  address,
  defineIndexedSet,
  defineTable,
  type IndexedSet,
  safe64,
  type Table,
} from "../../storage.ts";

/** Ids of the open challenges of a miner, whatever their purpose. */
export const openChallenges: IndexedSet<{ miner: Hex }, number> = defineIndexedSet(
  { module: "audit", name: "open" },
  struct<{ miner: Hex }>({ miner: address }),
  safe64,
);
/** The one open periodic challenge of a miner. */
export const periodicChallenges: Table<Hex, number> = defineTable(
  { module: "audit", name: "periodic" },
  address,
  safe64,
);

export function countOpenChallenges(host: ModuleHost, miner: Hex): Promise<number> {
  return openChallenges.count(host, { miner });
}
