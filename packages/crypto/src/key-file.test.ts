import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@cess/std/error";
import {
  decodeKeyFile,
  encodeKeyFile,
  readKeyFile,
  type StoredKey,
  writeKeyFile,
} from "./key-file.ts";

const KEY: StoredKey = {
  kind: "bls12-381",
  publicKey: "0xabcd",
  secret: new Uint8Array(32).fill(9),
};

function codeIs(code: string): (cause: unknown) => boolean {
  return (cause) => hasCode(cause, code);
}

test("a key file is for its owner only, and is never overwritten", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cess-key-"));
  const path = join(folder, "key.json");
  try {
    await writeKeyFile(path, KEY);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readKeyFile(path), KEY);
    await assert.rejects(writeKeyFile(path, { ...KEY, secret: new Uint8Array(32) }));
    assert.deepEqual(await readKeyFile(path), KEY);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a password hides the secret and is needed to open it", () => {
  const text = encodeKeyFile(KEY, "correct horse");
  assert(!text.includes("0909"), "the secret is not in the file");
  assert.deepEqual(decodeKeyFile(text, { path: "k", password: "correct horse" }), KEY);
  for (const password of [undefined, "correct hors"]) {
    assert.throws(() => decodeKeyFile(text, { path: "k", password }), codeIs("PASSWORD_WRONG"));
  }
});

test("attack: a sealed secret passed off as another key's", () => {
  const text = encodeKeyFile(KEY, "pw").replace("0xabcd", "0xabce");
  assert.throws(() => decodeKeyFile(text, { path: "k", password: "pw" }), codeIs("PASSWORD_WRONG"));
});

test("malformed files are refused without quoting them", () => {
  const texts = ["", "[]", "null", '{"version":2}', "secret 0909", '{"version":1,"kind":"rsa"}'];
  for (const text of texts) {
    assert.throws(
      () => decodeKeyFile(text, { path: "k" }),
      (cause) => hasCode(cause, "KEY_FILE_INVALID") && !String(cause).includes("0909"),
    );
  }
});
