import type { ChainReader } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import type { ViewResult } from "@cess/chain-client/modules";
import type { Hex } from "@cess/std/bytes";
import type { PiecePlace } from "./piece.ts";

export type FileRecord = ViewResult<"files", "fileOf">;

/** @returns undefined if the chain has no such file. */
export async function readFileRecord(
  chain: ChainReader,
  fid: Hex,
): Promise<FileRecord | undefined> {
  try {
    return await chain.read("files", "fileOf", [fid]);
  } catch (cause) {
    if (isRefusal(cause)) return undefined;
    throw cause;
  }
}

/** Who holds a place: the override of its segment if there is one, else the column's holder. */
export function holderOf(
  { holdings, overrides }: FileRecord,
  { segment, column }: Pick<PiecePlace, "segment" | "column">,
): { readonly miner: Hex; readonly tee: Hex } | undefined {
  const override = overrides.find((each) => each.segment === segment && each.column === column);
  return override ?? holdings[column];
}
