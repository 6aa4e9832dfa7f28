/**
 * Genesis files: JSON, bytes and addresses as hex, amounts and times as decimal text.
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";
import { chainSpecByName } from "@cess/params/chain-spec";
import type { Genesis, GenesisValidator } from "@cess/protocol/module";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { CodedError } from "@cess/std/error";
import { ChainError } from "./error.ts";

const VERSION = 1;
const ENTRIES_MAX = 10_000;

/** Writes a new file; an existing one is never replaced. */
export async function writeGenesisFile(path: string, genesis: Genesis): Promise<void> {
  const file = { version: VERSION, ...genesis };
  await writeFile(path, `${JSON.stringify(file, toText, 2)}\n`, { flag: "wx" });
}

/** @throws {@link ChainError} `GENESIS_FILE_INVALID` */
export async function readGenesisFile(path: string): Promise<Genesis> {
  try {
    return parseGenesis(new Fields(JSON.parse(await readFile(path, "utf8")), "genesis"));
  } catch (cause) {
    const isFault = cause instanceof SyntaxError || cause instanceof CodedError;
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    if (!isFault && !isMissing) throw cause;
    const reason = (cause as Error).message;
    throw new ChainError({ code: "GENESIS_FILE_INVALID", path, reason }, { cause });
  }
}

function parseGenesis(file: Fields): Genesis {
  file.require(file.value("version") === VERSION, "version");
  const spec = chainSpecByName(file.text("spec"));
  if (spec === undefined) throw file.fault("spec");
  const root = file.value("testAttestationRoot");
  return {
    spec: spec.name,
    timestampSeconds: file.amount("timestampSeconds"),
    alloc: file.list("alloc").map((entry) => {
      return { address: entry.hex("address", 20), balanceWei: entry.amount("balanceWei") };
    }),
    validators: file.list("validators").map(parseValidator),
    timelock: file.hex("timelock", 20),
    ...(root === undefined ? {} : { testAttestationRoot: file.hex("testAttestationRoot", 20) }),
  };
}

function parseValidator(entry: Fields): GenesisValidator {
  return {
    account: entry.hex("account", 20),
    blsPublicKey: hexToBytes(entry.hex("blsPublicKey", 48)),
    blsProof: hexToBytes(entry.hex("blsProof", 96)),
    vrfPublicKey: hexToBytes(entry.hex("vrfPublicKey", 32)),
    bondedWei: entry.amount("bondedWei"),
  };
}

/** Fields of an untrusted JSON object. Every fault names the place. */
class Fields {
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #place: string;

  constructor(value: unknown, place: string) {
    this.#place = place;
    this.#record = {};
    if (typeof value !== "object" || value === null) throw this.fault("not an object");
    this.#record = value as Readonly<Record<string, unknown>>;
  }

  value(name: string): unknown {
    return this.#record[name];
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== "string") throw this.fault(name);
    return value;
  }

  amount(name: string): bigint {
    const text = this.text(name);
    this.require(/^[0-9]{1,40}$/.test(text), name);
    return BigInt(text);
  }

  hex(name: string, sizeBytes: number): Hex {
    return bytesToHex(hexToBytes(this.text(name), sizeBytes));
  }

  list(name: string): Fields[] {
    const value = this.value(name);
    if (!Array.isArray(value) || value.length > ENTRIES_MAX) throw this.fault(name);
    return value.map((entry, index) => new Fields(entry, `${this.#place}.${name}[${index}]`));
  }

  require(isRight: boolean, name: string): void {
    if (!isRight) throw this.fault(name);
  }

  fault(name: string): ChainError {
    const reason = `${this.#place}: ${name}`;
    return new ChainError({ code: "GENESIS_FILE_INVALID", path: "", reason });
  }
}

function toText(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return bytesToHex(value);
  return typeof value === "bigint" ? value.toString() : value;
}
