import { type FileHandle, open } from "node:fs/promises";
import { BLOCK_BYTES } from "@cess/params/podr2";
import { ProofError } from "../error.ts";
import { TAG_BYTES } from "./codec.ts";
import type { FragmentFiles } from "./pool-task.ts";
import type { StoredBlock } from "./prover.ts";

/**
 * Reads one block and its tag from disk, and nothing else of the fragment.
 *
 * @throws {@link ProofError} `FRAGMENT_MISSING` if a file is not there, `FRAGMENT_SHORT` if it ends
 *   before the block or its tag do.
 */
export async function readBlockFiles(
  files: FragmentFiles,
  blockIndex: number,
): Promise<StoredBlock> {
  const offset = blockIndex * BLOCK_BYTES;
  const sizeBytes = Math.min(BLOCK_BYTES, files.sizeBytes - offset);
  if (sizeBytes <= 0)
    throw new ProofError({ code: "FRAGMENT_SHORT", path: files.path, blockIndex });
  const read = (path: string, from: number, size: number) =>
    readExactly(path, { from, size, blockIndex });
  const [bytes, tag] = await Promise.all([
    read(files.path, offset, sizeBytes),
    read(files.tagPath, blockIndex * TAG_BYTES, TAG_BYTES),
  ]);
  return { bytes, tag };
}

async function readExactly(
  path: string,
  range: { readonly from: number; readonly size: number; readonly blockIndex: number },
): Promise<Uint8Array> {
  await using file = await openExisting(path);
  const into = new Uint8Array(range.size);
  const { bytesRead } = await file.read(into, 0, range.size, range.from);
  if (bytesRead < range.size) {
    throw new ProofError({ code: "FRAGMENT_SHORT", path, blockIndex: range.blockIndex });
  }
  return into;
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new ProofError({ code: "FRAGMENT_MISSING", path }, { cause });
  }
}
