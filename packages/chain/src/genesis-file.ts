import { readFile, writeFile } from "node:fs/promises";
import { chainSpecByName } from "@cess/params/chain-spec";
import type { Genesis, GenesisValidator } from "@cess/protocol/module";
import { BytesError, bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { ChainError } from "./error.ts";

type JSONObject = Readonly<Record<string, unknown>>;

const VERSION = 1;
const ACCOUNTS_MAX = 100_000;
const VALIDATORS_MAX = 256;
const WEI_DIGITS_MAX = 78;

/** @throws ChainError `GENESIS_FILE_INVALID` if there is no file, or not of this form. */
export async function readGenesisFile(path: string): Promise<Genesis> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const detail = { code: "GENESIS_FILE_INVALID", path, reason: "not readable" } as const;
    throw new ChainError(detail, { cause });
  }
  return parseGenesis(text, path);
}

export async function writeGenesisFile(path: string, genesis: Genesis): Promise<void> {
  await writeFile(path, formatGenesis(genesis), { flag: "wx" });
}

/** Addresses and keys as hex, amounts and times as decimal text. */
export function formatGenesis(genesis: Genesis): string {
  const file = {
    version: VERSION,
    spec: genesis.spec,
    timestampSeconds: genesis.timestampSeconds.toString(),
    timelock: genesis.timelock,
    ...(genesis.testAttestationRoot && { testAttestationRoot: genesis.testAttestationRoot }),
    validators: genesis.validators.map((validator) => ({
      account: validator.account,
      blsPublicKey: bytesToHex(validator.blsPublicKey),
      blsProof: bytesToHex(validator.blsProof),
      vrfPublicKey: bytesToHex(validator.vrfPublicKey),
      bondedWei: validator.bondedWei.toString(),
    })),
    alloc: genesis.alloc.map(({ address, balanceWei }) => {
      return { address, balanceWei: balanceWei.toString() };
    }),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** @throws ChainError `GENESIS_FILE_INVALID` naming the first field that is wrong. */
export function parseGenesis(text: string, path: string): Genesis {
  const read = new FieldReader(path);
  const file = read.json(text);
  read.exactly(file, "version", VERSION);
  const spec = chainSpecByName(String(file["spec"]));
  if (spec === undefined) throw read.invalid("spec");
  const root = file["testAttestationRoot"];
  return {
    spec: spec.name,
    timestampSeconds: read.amount(file, "timestampSeconds"),
    timelock: read.hex(file, "timelock", 20),
    ...(root !== undefined && { testAttestationRoot: read.hex(file, "testAttestationRoot") }),
    validators: read.list(file, "validators", VALIDATORS_MAX).map(
      (item): GenesisValidator => ({
        account: read.hex(item, "account", 20),
        blsPublicKey: hexToBytes(read.hex(item, "blsPublicKey", 48)),
        blsProof: hexToBytes(read.hex(item, "blsProof", 96)),
        vrfPublicKey: hexToBytes(read.hex(item, "vrfPublicKey", 32)),
        bondedWei: read.amount(item, "bondedWei"),
      }),
    ),
    alloc: read.list(file, "alloc", ACCOUNTS_MAX).map((item) => ({
      address: read.hex(item, "address", 20),
      balanceWei: read.amount(item, "balanceWei"),
    })),
  };
}

class FieldReader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  json(text: string): JSONObject {
    try {
      return this.#object(JSON.parse(text), "file");
    } catch (cause) {
      if (cause instanceof SyntaxError) throw this.invalid("JSON", cause);
      throw cause;
    }
  }

  exactly(object: JSONObject, name: string, value: unknown): void {
    if (object[name] !== value) throw this.invalid(name);
  }

  amount(object: JSONObject, name: string): bigint {
    const value = object[name];
    const isAmount = typeof value === "string" && /^(0|[1-9][0-9]*)$/.test(value);
    if (!isAmount || value.length > WEI_DIGITS_MAX) throw this.invalid(name);
    return BigInt(value);
  }

  /** Lower-case hex of `sizeBytes` bytes, or of any length. */
  hex(object: JSONObject, name: string, sizeBytes?: number): Hex {
    try {
      return bytesToHex(hexToBytes(String(object[name]), sizeBytes));
    } catch (cause) {
      if (cause instanceof BytesError) throw this.invalid(name, cause);
      throw cause;
    }
  }

  list(object: JSONObject, name: string, countMax: number): readonly JSONObject[] {
    const value = object[name];
    if (!Array.isArray(value) || value.length > countMax) throw this.invalid(name);
    return value.map((item) => this.#object(item, name));
  }

  invalid(reason: string, cause?: unknown): ChainError {
    return new ChainError({ code: "GENESIS_FILE_INVALID", path: this.#path, reason }, { cause });
  }

  #object(value: unknown, name: string): JSONObject {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.invalid(name);
    }
    return value as JSONObject;
  }
}
