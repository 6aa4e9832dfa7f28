/**
 * Key files: one secret key of a node, in JSON, readable by its owner only.
 *
 * With a password the secret is sealed by AES-256-GCM under a key that scrypt derives; the kind and
 * the public half are authenticated with it. This package is where secrets meet the disk, so that
 * no one else handles them: it uses `node:fs` itself.
 * @module
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { bytesToHex, type Hex, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { CryptoError } from "./error.ts";

export type KeyKind = "secp256k1" | "bls12-381" | "ed25519-vrf" | "libp2p" | "symmetric";

export interface StoredKey {
  readonly kind: KeyKind;
  /** Public key, or the address of an account: how a person tells key files apart. */
  readonly publicKey: Hex;
  readonly secret: Uint8Array;
}

const KINDS: readonly string[] = ["secp256k1", "bls12-381", "ed25519-vrf", "libp2p", "symmetric"];
const VERSION = 1;
const OWNER_ONLY = 0o600;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEX: RegExp = /^0x(?:[0-9a-f]{2}){1,512}$/;
/** Part of version 1, not of the file: a file cannot ask for more work. 128 MiB, a third of a second. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 } as const;

/**
 * Writes a new key file; an existing one is never replaced.
 *
 * @param password - Seals the secret; left out, the file mode alone protects it.
 */
export async function writeKeyFile(path: string, key: StoredKey, password?: string): Promise<void> {
  const file = await open(path, "wx", OWNER_ONLY);
  try {
    await file.writeFile(encodeKeyFile(key, password));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @throws {@link CryptoError} `KEY_FILE_INVALID` or `PASSWORD_WRONG`, also if none was given. */
export async function readKeyFile(path: string, password?: string): Promise<StoredKey> {
  return decodeKeyFile(await readFile(path, "utf8"), { path, password });
}

export function encodeKeyFile(key: StoredKey, password?: string): string {
  const { kind, publicKey } = key;
  const head = { version: VERSION, kind, publicKey };
  const body = password === undefined ? { secret: bytesToHex(key.secret) } : seal(key, password);
  return `${JSON.stringify({ ...head, ...body }, undefined, 2)}\n`;
}

/**
 * @param options.path - Named in errors.
 * @throws {@link CryptoError} `KEY_FILE_INVALID` or `PASSWORD_WRONG`, also if none was given.
 */
export function decodeKeyFile(
  text: string,
  options: { readonly path: string; readonly password?: string | undefined },
): StoredKey {
  const { path, password } = options;
  const fields = parseFields(text, path);
  const { kind, publicKey, secret } = fields;
  if (fields["version"] !== VERSION) throw invalid(path, "unknown version");
  if (typeof kind !== "string" || !KINDS.includes(kind)) throw invalid(path, "unknown kind");
  if (!isHex(publicKey)) throw invalid(path, "publicKey is not hex");
  const key = { kind: kind as KeyKind, publicKey };
  if (isHex(secret)) return { ...key, secret: hexToBytes(secret) };
  const { salt, nonce, sealed } = fields;
  if (!isHex(salt) || !isHex(nonce) || !isHex(sealed)) throw invalid(path, "no secret");
  if (password === undefined) throw new CryptoError({ code: "PASSWORD_WRONG", path });
  try {
    return { ...key, secret: unseal(key, { salt, nonce, sealed }, password) };
  } catch (cause) {
    throw new CryptoError({ code: "PASSWORD_WRONG", path }, { cause });
  }
}

interface Sealed {
  readonly salt: Hex;
  readonly nonce: Hex;
  readonly sealed: Hex;
}

function seal(key: StoredKey, password: string): Sealed {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", scryptSync(password, salt, 32, SCRYPT), nonce);
  cipher.setAAD(associatedData(key));
  const sealed = Buffer.concat([cipher.update(key.secret), cipher.final(), cipher.getAuthTag()]);
  return { salt: bytesToHex(salt), nonce: bytesToHex(nonce), sealed: bytesToHex(sealed) };
}

function unseal(key: Omit<StoredKey, "secret">, from: Sealed, password: string): Uint8Array {
  const sealed = hexToBytes(from.sealed);
  const wrappingKey = scryptSync(password, hexToBytes(from.salt, SALT_BYTES), 32, SCRYPT);
  const nonce = hexToBytes(from.nonce, NONCE_BYTES);
  const cipher = createDecipheriv("aes-256-gcm", wrappingKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(key));
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const secret = cipher.update(sealed.subarray(0, -TAG_BYTES));
  return new Uint8Array(Buffer.concat([secret, cipher.final()]));
}

function associatedData({ kind, publicKey }: Omit<StoredKey, "secret">): Uint8Array {
  return utf8ToBytes(`cess/key-file/v1 ${kind} ${publicKey}`);
}

function parseFields(text: string, path: string): Record<string, unknown> {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === "object" && fields !== null) return { ...fields };
  } catch {
    // The cause is dropped: a parser quotes the text, and this text may be a secret.
  }
  throw invalid(path, "not a JSON object");
}

function isHex(value: unknown): value is Hex {
  return typeof value === "string" && HEX.test(value);
}

function invalid(path: string, reason: string): CryptoError {
  return new CryptoError({ code: "KEY_FILE_INVALID", path, reason });
}
