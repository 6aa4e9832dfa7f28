import { decode, encode } from "@cess/codec/codec";
import type { Clock } from "@cess/runtime/clock";
import type { Random } from "@cess/runtime/random";
import { BoundedMap } from "@cess/std/bounded-map";
import { asBuffer, type Hex, utf8ToBytes } from "@cess/std/bytes";
import type { Keyring } from "./keyring.ts";
import { keyOf, rangeOf, textPart } from "./keys.ts";
import type { MetaStore } from "./meta-store.ts";
import { credentialCodec } from "./records.ts";

/** What a client signs with, and for whom. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: Hex;
  readonly territory: Hex;
}

export interface CredentialOwner {
  readonly account: Hex;
  /** Where new buckets of this credential keep their files. */
  readonly territory: Hex;
}

export interface CredentialStore {
  createCredential(owner: CredentialOwner): Promise<Credential>;
  findCredential(accessKeyId: string): Credential | undefined;
  /** In no particular order. PERF: reads all credentials of the gateway. */
  credentialsOf(account: Hex): readonly Credential[];
  deleteCredential(accessKeyId: string): Promise<void>;
}

export interface CredentialStoreDeps {
  readonly metaStore: MetaStore;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly random: Random;
}

const CACHED_MAX = 1024;
/** 10 bytes are 16 Base32 digits, 30 bytes are 40 Base64 digits: the lengths that AWS uses. */
const ID_ENTROPY_BYTES = 10;
const SECRET_BYTES = 30;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function createCredentialStore(deps: CredentialStoreDeps): CredentialStore {
  const { metaStore, keyring, clock, random } = deps;
  const cache = new BoundedMap<string, Credential>(CACHED_MAX);
  const keyFor = (accessKeyId: string) => keyOf("credential", textPart(accessKeyId));

  function openRecord(accessKeyId: string, value: Uint8Array): Credential {
    const { account, territory, sealedSecret } = decode(credentialCodec, value);
    const secret = keyring.open(sealedSecret, purposeOf(accessKeyId));
    return {
      accessKeyId,
      secretAccessKey: asBuffer(secret).toString("utf8"),
      account,
      territory,
    };
  }

  return {
    async createCredential({ account, territory }) {
      const accessKeyId = `CESS${base32(random.bytes(ID_ENTROPY_BYTES))}`;
      const secretAccessKey = asBuffer(random.bytes(SECRET_BYTES)).toString("base64");
      const sealedSecret = keyring.seal(utf8ToBytes(secretAccessKey), purposeOf(accessKeyId));
      const record = { account, territory, createdMs: clock.wallMs(), sealedSecret };
      const value = encode(credentialCodec, record);
      await metaStore.update((writer) => writer.put(keyFor(accessKeyId), value));
      return { accessKeyId, secretAccessKey, account, territory };
    },
    findCredential(accessKeyId) {
      const cached = cache.get(accessKeyId);
      if (cached !== undefined) return cached;
      if (!/^[A-Z0-9]{1,128}$/.test(accessKeyId)) return undefined;
      const value = metaStore.get(keyFor(accessKeyId));
      if (value === undefined) return undefined;
      const credential = openRecord(accessKeyId, value);
      cache.set(accessKeyId, credential);
      return credential;
    },
    credentialsOf(account) {
      const { start, end } = rangeOf("credential");
      return [...metaStore.range(start, end)]
        .map(({ key, value }) => openRecord(asBuffer(key).toString("utf8", start.length), value))
        .filter((credential) => credential.account === account);
    },
    async deleteCredential(accessKeyId) {
      await metaStore.update((writer) => writer.delete(keyFor(accessKeyId)));
      cache.delete(accessKeyId);
    },
  };
}

function purposeOf(accessKeyId: string): string {
  return `credential/v1/${accessKeyId}`;
}

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((digit) => BASE32[Number.parseInt(digit, 2)]).join("");
}
