import assert from "node:assert/strict";
import { test } from "node:test";
import { findViolations } from "./rules.ts";
import { readSources, readWorkspaces, type Source, type Workspace } from "./sources.ts";

test("the tree follows its own rules", () => {
  const workspaces = readWorkspaces();
  const violations = findViolations(workspaces, readSources(workspaces));
  assert.deepEqual(violations, [], `\n${violations.join("\n")}`);
});

const workspace = (name: string, dependencies: string[] = []): Workspace => ({
  folder: `packages/${name}`,
  name: `@cess/${name}`,
  dependencies: new Set(dependencies),
  devDependencies: new Set(),
});
const source = (path: string, text: string, imports: string[] = []): Source => {
  const isTest = path.includes(".test.");
  const workspace = path.split("/", 2).join("/");
  return { path, workspace, text, isTest, imports, runtimeImports: imports };
};

test("every rule can fail", () => {
  const workspaces = [
    workspace("std", ["@cess/s3"]),
    workspace("s3", ["left-pad"]),
    workspace("codec"),
  ];
  const sources = [
    source("packages/std/src/main.ts", "", ["@cess/s3/a", "libp2p", "./b.ts"]),
    source("packages/std/src/b.ts", "", ["./main.ts"]),
    source("packages/s3/src/a.ts", `throw new ${"Error"}("x"); // ${"TO"}DO\n${"\n".repeat(400)}`),
    source("packages/codec/src/dead.ts", "const at = Date.now();"),
    source("packages/codec/src/x.test.ts", `test.${"skip"}("x")`),
  ];
  const violations = findViolations(workspaces, sources).join("\n");
  for (const expected of [
    "imports upwards",
    "only packages/network may import libp2p",
    "does not declare",
    "cycle: packages/std/src/main.ts → packages/std/src/b.ts",
    "untyped error",
    "left to do",
    "lines, more than 400",
    "ambient time",
    "nothing imports it",
    "does not run",
    "packages/s3/package.json: left-pad is declared and not imported",
  ]) {
    assert(violations.includes(expected), `${expected} was not found in\n${violations}`);
  }
});
