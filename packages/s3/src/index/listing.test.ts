import assert from "node:assert/strict";
import { test } from "node:test";
import { compareBytes, utf8ToBytes } from "@cess/std/bytes";
import fc from "fast-check";
import { type ListQuery, listPage } from "./listing.ts";
import type { MetaReader } from "./meta-store.ts";

const SCOPE = Uint8Array.of(4, 9);

interface CountingReader extends MetaReader {
  /** Entries that were looked at. */
  readonly steps: number;
}

function readerOf(names: readonly string[]): CountingReader {
  const keys = names
    .map((name) => Uint8Array.of(...SCOPE, ...utf8ToBytes(name)))
    .sort(compareBytes);
  // A neighbour after the scope must never show up.
  keys.push(Uint8Array.of(4, 10, 65));
  let steps = 0;
  return {
    get steps() {
      return steps;
    },
    get: () => undefined,
    *range(start, end) {
      for (const key of keys) {
        if (compareBytes(key, start) < 0 || compareBytes(key, end) >= 0) continue;
        steps += 1;
        yield { key, value: new Uint8Array(0) };
      }
    },
  };
}

/** The definition of a listing: roll up all keys, order, cut. */
function listByDefinition(names: readonly string[], query: Omit<ListQuery, "scope">): string[] {
  const { prefix, delimiter, after } = query;
  const entries = new Set<string>();
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const at = delimiter === "" ? -1 : name.indexOf(delimiter, prefix.length);
    entries.add(at < 0 ? name : name.slice(0, at + delimiter.length));
  }
  return [...entries]
    .filter((entry) => after === "" || compareBytes(utf8ToBytes(entry), utf8ToBytes(after)) > 0)
    .sort((left, right) => compareBytes(utf8ToBytes(left), utf8ToBytes(right)));
}

const nameOf = fc
  .array(fc.constantFrom("a", "b", "/", "é", "\u{10ffff}", "\0"), { minLength: 1, maxLength: 6 })
  .map((letters) => letters.join(""));

test("property: pages joined are the listing by definition, whatever the page size", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(nameOf, { maxLength: 25 }),
      fc.constantFrom("", "a", "a/", "é"),
      fc.constantFrom("", "/", "b/"),
      fc.oneof(fc.constant(""), nameOf),
      fc.integer({ min: 1, max: 5 }),
      (names, prefix, delimiter, startAfter, countMax) => {
        const reader = readerOf(names);
        const query = { prefix, delimiter, after: startAfter, countMax };
        const listed: string[] = [];
        let after = startAfter;
        for (;;) {
          const page = listPage(reader, { ...query, scope: SCOPE, after });
          listed.push(...page.entries.map(({ name }) => name));
          if (!page.isTruncated) break;
          assert.equal(page.entries.length, countMax);
          after = page.entries.at(-1)?.name ?? "";
        }
        assert.deepEqual(listed, listByDefinition(names, query));
      },
    ),
  );
});

test("what a common prefix hides is not walked through", () => {
  const hidden = Array.from({ length: 5000 }, (_, index) => `folder/${index}`);
  const reader = readerOf([...hidden, "last"]);
  const query = { scope: SCOPE, prefix: "", delimiter: "/", after: "", countMax: 10 };
  const page = listPage(reader, query);
  assert.deepEqual(
    page.entries.map(({ name }) => name),
    ["folder/", "last"],
  );
  assert(reader.steps <= 4, `${reader.steps} steps`);
});

test("a page of no entries is not truncated", () => {
  const query = { scope: SCOPE, prefix: "", delimiter: "", after: "", countMax: 0 };
  assert.deepEqual(listPage(readerOf(["a"]), query), { entries: [], isTruncated: false });
});
