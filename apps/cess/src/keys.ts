import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createBLSKeyPair } from "@cess/crypto/bls";
import { type KeyKind, readKeyFile, type StoredKey, writeKeyFile } from "@cess/crypto/key-file";
import { privateKeyToAddressHex } from "@cess/crypto/secp256k1";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CLIError } from "./error.ts";

/** A symmetric key has no public half: files of it are told apart by a hash. */
const KEY_ID_DOMAIN = "cess/key-id/v1";

/** Reads a key file and makes sure that it holds a key of this kind. */
export async function loadKey(path: string, kind: KeyKind): Promise<StoredKey> {
  const key = await readKeyFile(path);
  if (key.kind === kind) return key;
  const reason = `this key is of kind ${key.kind}, ${kind} is needed`;
  throw new CLIError({ code: "CONFIG_INVALID", path, reason });
}

/** Reads a key file, or makes one with a new key. */
export async function loadOrCreateKey(path: string, kind: KeyKind): Promise<StoredKey> {
  if (!existsSync(path)) {
    await mkdir(dirname(path), { recursive: true });
    await writeKeyFile(path, createKey(kind));
  }
  return loadKey(path, kind);
}

function createKey(kind: KeyKind): StoredKey {
  const seed = new Uint8Array(randomBytes(32));
  if (kind !== "bls12-381") return { kind, publicKey: publicKeyOf(kind, seed), secret: seed };
  const { publicKey, secretKey } = createBLSKeyPair(seed);
  return { kind, publicKey: bytesToHex(publicKey), secret: secretKey };
}

function publicKeyOf(kind: Exclude<KeyKind, "bls12-381">, secret: Uint8Array): Hex {
  switch (kind) {
    case "secp256k1":
      return privateKeyToAddressHex(secret);
    case "symmetric":
      return bytesToHex(createHash("sha256").update(KEY_ID_DOMAIN).update(secret).digest());
    case "ed25519-vrf":
    case "libp2p":
      return bytesToHex(vrfPublicKeyOf(secret));
  }
}
