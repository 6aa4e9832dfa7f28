import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generateInterfaces, INTERFACES_FOLDER } from "./generate-solidity.ts";

test("the Solidity interfaces are those of the ABIs: node tools/generate-solidity.ts", () => {
  const generated = generateInterfaces();
  const names = generated.map((file) => file.name).sort();
  assert.deepEqual(readdirSync(INTERFACES_FOLDER).sort(), names);
  for (const { name, text } of generated) {
    assert.equal(readFileSync(join(INTERFACES_FOLDER, name), "utf8"), text, name);
  }
});

test("calls are external, and what is no value type has a location", () => {
  const files = generateInterfaces().find((file) => file.name === "ICessFiles.sol");
  const text = files?.text ?? "";
  assert.match(text, /function declare\(Declaration\[\] calldata declarations\) external;/);
  assert.match(text, /function hasFile\(bytes32 fid\) external view returns \(bool\);/);
  assert.match(text, /external view returns \(Order\[\] memory orders, uint256 total\);/);
});
