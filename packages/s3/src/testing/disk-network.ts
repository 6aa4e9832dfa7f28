/**
 * A network that outlives the process: every file a file, synced before it is acknowledged, and
 * declarations that take a while, so that a crash finds some under way.
 * @module
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bytesToHex, concatBytes } from "@cess/std/bytes";
import type {
  Declarer,
  FileStore,
  StoredObject,
  WriteOptions,
} from "@cess/storage-client/file-store";
import { declarationOf } from "./memory-file-store.ts";

const DECLARE_MS = 20;

export function createDiskNetwork(directory: string): {
  readonly fileStore: FileStore;
  readonly declarer: Declarer;
} {
  function keep(bytes: Uint8Array, { territory, profile }: WriteOptions): StoredObject {
    const fid = bytesToHex(randomBytes(32));
    const file = openSync(join(directory, fid), "w");
    writeSync(file, bytes);
    fsyncSync(file);
    closeSync(file);
    const extent = {
      fid,
      fileSizeBytes: bytes.length,
      profileId: profile.id,
      territory,
      offset: 0,
      sealedBytes: bytes.length,
      sizeBytes: bytes.length,
      dataKey: new Uint8Array(randomBytes(32)),
    };
    return { extent, declaration: declarationOf(extent) };
  }

  return {
    fileStore: {
      async write(body, options) {
        const pieces: Uint8Array[] = [];
        for await (const piece of body) pieces.push(new Uint8Array(piece));
        return keep(concatBytes(...pieces), options);
      },
      writeSmall: async (body, options) => keep(body, options),
      async *read(extent, { offset, length }) {
        yield readFileSync(join(directory, extent.fid)).subarray(offset, offset + length);
      },
      renew: async (declaration) => declaration,
      receiptState: async () => "good",
      remember: () => undefined,
    },
    declarer: {
      async declare(batch) {
        await pause(DECLARE_MS);
        for (const { fid } of batch) closeSync(openSync(join(directory, `${fid}.declared`), "w"));
      },
      remove: async () => undefined,
    },
  };
}
