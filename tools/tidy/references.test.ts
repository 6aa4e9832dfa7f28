import assert from "node:assert/strict";
import { test } from "node:test";
import { correctReferences, DOCUMENTS, readRepositoryFile } from "./references.ts";

for (const document of DOCUMENTS) {
  test(`${document} points at the lines it means (mend with: node tools/tidy/references.ts)`, () => {
    const text = readRepositoryFile(document) ?? "";
    const { corrected, missing } = correctReferences(text, readRepositoryFile);
    assert.deepEqual(missing, []);
    assert(text === corrected, "a line number is off");
    assert(text.includes(".ts:"), "the document has references");
  });
}

test("a moved symbol is corrected, a missing one is named", () => {
  const source = "\n/** It. */\nexport async function move(): void {}\n";
  const text = "see `move` [a/b.ts:1](a/b.ts#L1) and `gone` [a/b.ts:9](a/b.ts#L9)";
  const { corrected, missing } = correctReferences(text, () => source);
  assert.equal(corrected, "see `move` [a/b.ts:3](a/b.ts#L3) and `gone` [a/b.ts:9](a/b.ts#L9)");
  assert.deepEqual(missing, ["`gone` is not declared in a/b.ts"]);
});
