/**
 * Secrets of a worker: made once, inside, and kept in a file that only its user can read. In an
 * enclave that file lies on storage sealed to it.
 * @module
 */
import { open, readFile } from "node:fs/promises";
import { bytes, type Codec, CodecError, decode, encode, struct, u8 } from "@cess/codec/codec";
import { privateKeyToAddressHex } from "@cess/crypto/secp256k1";
import { initPodr2, type Podr2 } from "@cess/proofs/podr2/podr2";
import {
  decodeTagSecretKey,
  encodeTagSecretKey,
  TAG_SECRET_KEY_BYTES,
} from "@cess/proofs/podr2/tag-key";
import type { Random } from "@cess/runtime/random";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { TEEWorkerError } from "./error.ts";

interface SealedKeys {
  readonly version: number;
  /** Signs tag reports (secp256k1). */
  readonly reportKey: Uint8Array;
  /** Marks what this worker has tagged. */
  readonly macKey: Uint8Array;
  /** x ‖ α. */
  readonly tagSecret: Uint8Array;
}

export interface WorkerKeys extends Omit<SealedKeys, "version"> {
  readonly reportSigner: Hex;
  /** As provers need it: 196 KB. */
  readonly tagPublicKey: Uint8Array;
  /** v ‖ w. */
  readonly tagVerifierKey: Hex;
  readonly tagKeyHash: Hex;
}

const VERSION = 1;
const OWNER_ONLY = 0o600;
const sealedKeysCodec: Codec<SealedKeys> = struct<SealedKeys>({
  version: u8,
  reportKey: bytes(32),
  macKey: bytes(32),
  tagSecret: bytes(TAG_SECRET_KEY_BYTES),
});

/**
 * Reads the keys, or makes them if there is no file yet. Takes about a second.
 *
 * @throws {@link TEEWorkerError} `KEY_FILE_INVALID`
 */
export async function loadWorkerKeys(path: string, random: Random): Promise<WorkerKeys> {
  const podr2 = await initPodr2();
  const sealed = (await readKeys(path)) ?? (await createKeys(path, podr2, random));
  const publicKey = podr2.toPublicKey(decodeTagSecretKey(sealed.tagSecret));
  return {
    ...sealed,
    reportSigner: privateKeyToAddressHex(sealed.reportKey),
    tagPublicKey: podr2.encodePublicKey(publicKey),
    tagVerifierKey: bytesToHex(podr2.encodeVerifierKey(publicKey)),
    tagKeyHash: bytesToHex(podr2.keyHash(publicKey)),
  };
}

async function createKeys(path: string, podr2: Podr2, random: Random): Promise<SealedKeys> {
  const sealed = {
    version: VERSION,
    reportKey: random.bytes(32),
    macKey: random.bytes(32),
    tagSecret: encodeTagSecretKey(podr2.createSecretKey(random)),
  };
  const file = await open(path, "wx", OWNER_ONLY);
  try {
    await file.writeFile(encode(sealedKeysCodec, sealed));
    await file.sync();
  } finally {
    await file.close();
  }
  return sealed;
}

async function readKeys(path: string): Promise<SealedKeys | undefined> {
  try {
    const sealed = decode(sealedKeysCodec, await readFile(path));
    if (sealed.version === VERSION) return sealed;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // The cause is dropped: nothing of a secret may reach a log.
    if (!(cause instanceof CodecError)) throw cause;
  }
  throw new TEEWorkerError({ code: "KEY_FILE_INVALID", path });
}
