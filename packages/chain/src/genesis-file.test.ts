import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hasCode } from "@cess/std/error";
import { readGenesisFile, writeGenesisFile } from "./genesis-file.ts";
import { genesisOf } from "./testing/cluster.ts";

const folder = mkdtempSync(join(tmpdir(), "cess-genesis-"));
after(() => rmSync(folder, { recursive: true }));

test("a genesis reads back as it was written, and is never replaced", async () => {
  const path = join(folder, "genesis.json");
  const genesis = { ...genesisOf(4), testAttestationRoot: `0x${"0c".repeat(20)}` as const };
  await writeGenesisFile(path, genesis);
  assert.deepEqual(await readGenesisFile(path), genesis);
  await assert.rejects(writeGenesisFile(path, genesis));
});

for (const [name, text] of Object.entries({
  "no JSON": "{",
  "another version": '{"version":2}',
  "an unknown chain": '{"version":1,"spec":"moon"}',
  "a negative time": '{"version":1,"spec":"dev","timestampSeconds":"-1"}',
  "an account of 19 bytes":
    '{"version":1,"spec":"dev","timestampSeconds":"1","alloc":[{"address":"0x00"}]}',
})) {
  test(`a file with ${name} is refused`, async () => {
    const path = join(folder, "bad.json");
    writeFileSync(path, text);
    await assert.rejects(readGenesisFile(path), (cause) => hasCode(cause, "GENESIS_FILE_INVALID"));
  });
}

test("a file that is not there is refused", async () => {
  const isRefused = (cause: unknown) => hasCode(cause, "GENESIS_FILE_INVALID");
  await assert.rejects(readGenesisFile(join(folder, "none.json")), isRefused);
});
