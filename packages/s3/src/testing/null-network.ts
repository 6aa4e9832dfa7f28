/** A network that costs nothing: what is left to measure is the gateway. @module */
import { randomBytes } from "node:crypto";
import { bytesToHex } from "@cess/std/bytes";
import type {
  Declarer,
  FileStore,
  StoredObject,
  WriteOptions,
} from "@cess/storage-client/file-store";
import { declarationOf } from "./memory-file-store.ts";

const PIECE = new Uint8Array(65_536);
/** Small objects of one bundle, as a group commit would gather them. */
const BUNDLE_OBJECTS = 32;

export function createNullNetwork(): {
  readonly fileStore: FileStore;
  readonly declarer: Declarer;
} {
  let smallCount = 0;
  let bundleFid = bytesToHex(randomBytes(32));

  function stored(sizeBytes: number, { territory, profile }: WriteOptions): StoredObject {
    const extent = {
      fid: bundleFid,
      fileSizeBytes: sizeBytes,
      profileId: profile.id,
      territory,
      offset: 0,
      sealedBytes: sizeBytes,
      sizeBytes,
      dataKey: new Uint8Array(32),
    };
    return { extent, declaration: declarationOf(extent) };
  }

  return {
    fileStore: {
      async write(body, options) {
        let sizeBytes = 0;
        for await (const piece of body) sizeBytes += piece.length;
        return stored(sizeBytes, options);
      },
      async writeSmall(body, options) {
        smallCount += 1;
        if (smallCount % BUNDLE_OBJECTS === 0) bundleFid = bytesToHex(randomBytes(32));
        return stored(body.length, options);
      },
      async *read(_extent, { length }) {
        for (let left = length; left > 0; left -= PIECE.length) {
          yield left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        }
      },
      renew: async (declaration) => declaration,
      receiptState: async () => "good",
      remember: () => undefined,
    },
    declarer: { declare: async () => undefined, remove: async () => undefined },
  };
}
