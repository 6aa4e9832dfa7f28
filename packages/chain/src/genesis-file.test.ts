import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@cess/std/error";
import { formatGenesis, parseGenesis, readGenesisFile, writeGenesisFile } from "./genesis-file.ts";
import { genesisOf } from "./testing/cluster.ts";

const genesis = { ...genesisOf(4), testAttestationRoot: `0x${"02".repeat(33)}` } as const;

test("a genesis survives its file, and a file is never overwritten", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cess-genesis-"));
  try {
    const path = join(directory, "genesis.json");
    await writeGenesisFile(path, genesis);
    assert.deepEqual(await readGenesisFile(path), genesis);
    await assert.rejects(writeGenesisFile(path, genesis));
    await assert.rejects(readGenesisFile(join(directory, "none.json")), isInvalid);
  } finally {
    await rm(directory, { recursive: true });
  }
});

function isInvalid(cause: unknown): boolean {
  return hasCode(cause, "GENESIS_FILE_INVALID");
}

for (const [name, from, to] of [
  ["JSON", "{", "["],
  ["version", '"version": 1', '"version": 2'],
  ["spec", '"dev"', '"nowhere"'],
  ["timestampSeconds", "1700000000", "-1"],
  ["timelock", '"timelock": "0x', '"timelock": "0xff'],
  ["blsPublicKey", '"blsPublicKey": "0x', '"blsPublicKey": "0xzz'],
  ["bondedWei", '"bondedWei": "3', '"bondedWei": "-3'],
  ["alloc", '"alloc": [', '"alloc": 5, "rest": ['],
] as const) {
  test(`a genesis with a wrong ${name} is refused by that name`, () => {
    const text = formatGenesis(genesis).replace(from, to);
    assert.notEqual(text, formatGenesis(genesis));
    assert.throws(
      () => parseGenesis(text, "genesis.json"),
      (cause) => isInvalid(cause) && String(cause).includes(`"${name}"`),
    );
  });
}
