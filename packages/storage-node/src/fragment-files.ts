/**
 * Fragments as files named by their content: `fragments/ab/abcd…`, tags by place:
 * `tags/ab/<fid>.<segment>.<column>`. A file appears under its name whole or not at all.
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Hex } from "@cess/std/bytes";
import { Semaphore } from "@cess/std/semaphore";
import type { PiecePlace } from "./piece.ts";

const SYNCS_MAX = 64;

export class FragmentFiles {
  readonly #root: string;
  /** Files open at once to be synced: a process may have only so many. */
  readonly #syncs = new Semaphore(SYNCS_MAX);
  #temporaryCount = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folders and drops what an earlier run left unfinished. */
  async open(): Promise<void> {
    await rm(join(this.#root, "tmp"), { recursive: true, force: true });
    await mkdir(join(this.#root, "tmp"), { recursive: true });
    for (const kind of ["fragments", "tags"]) {
      for (let byte = 0; byte < 256; byte += 1) {
        const folder = byte.toString(16).padStart(2, "0");
        await mkdir(join(this.#root, kind, folder), { recursive: true });
      }
    }
  }

  fragmentPath(id: Hex): string {
    return join(this.#root, "fragments", id.slice(2, 4), id.slice(2));
  }

  tagPath({ fid, segment, column }: PiecePlace): string {
    return join(this.#root, "tags", fid.slice(2, 4), `${fid.slice(2)}.${segment}.${column}`);
  }

  temporaryPath(): string {
    this.#temporaryCount += 1;
    return join(this.#root, "tmp", `${this.#temporaryCount}`);
  }

  async moveToFragment(temporaryPath: string, id: Hex): Promise<void> {
    await rename(temporaryPath, this.fragmentPath(id));
  }

  async removeFragment(id: Hex): Promise<void> {
    await rm(this.fragmentPath(id), { force: true });
  }

  async removeTags(place: PiecePlace): Promise<void> {
    await rm(this.tagPath(place), { force: true });
  }

  /** Durable when it resolves. */
  async writeTags(place: PiecePlace, tags: Uint8Array): Promise<void> {
    const temporary = this.temporaryPath();
    const file = await open(temporary, "w");
    try {
      await file.writeFile(tags);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.tagPath(place));
    await syncFolder(dirname(this.tagPath(place)));
  }

  /** Makes fragments outlive a loss of power: files first, then each of their folders once. */
  async syncFragments(ids: readonly Hex[]): Promise<void> {
    const paths = ids.map((id) => this.fragmentPath(id));
    const folders = [...new Set(paths.map(dirname))];
    await Promise.all(paths.map((path) => this.#syncs.run(() => syncFile(path))));
    await Promise.all(folders.map((path) => this.#syncs.run(() => syncFolder(path))));
  }

  /** Ids of the fragments in one of the 256 folders. */
  async listFolder(byte: number): Promise<readonly Hex[]> {
    const folder = join(this.#root, "fragments", byte.toString(16).padStart(2, "0"));
    const names = await readdir(folder);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name): Hex => `0x${name}`);
  }

  /** What the file system has left for this user. */
  async diskFreeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.datasync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder: FileHandle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}
