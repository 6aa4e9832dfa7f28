import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

function build() {
  const script = join(import.meta.dirname, "build-kernels.ts");
  return spawnSync(process.execPath, [script], { encoding: "utf8" });
}

test("every kernel is built, and a build with nothing to do is silent", () => {
  assert.equal(build().status, 0);
  const sources = globSync("packages/kernels/src/assembly/*.ts", { cwd: ROOT });
  assert(sources.length > 0);
  for (const source of sources) {
    const target = join(ROOT, "packages/kernels/build", `${basename(source, ".ts")}.wasm`);
    assert(existsSync(target), target);
  }
  const { status, stdout, stderr } = build();
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});
