import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { S3Error } from "./error.ts";
import { formatXML, parseXML } from "./xml.ts";

const bytesOf = (text: string) => Buffer.from(text);

test("property: any text of XML characters comes back as it was written", () => {
  const text = fc
    .string({ unit: "binary" })
    .map((raw) => raw.replaceAll(/[^\r\n\t\x20-\ud7ff]/g, ""));
  fc.assert(
    fc.property(text, (Key) => {
      const root = parseXML(bytesOf(formatXML("Root", { List: { Key } })), "Root");
      assert.equal(root.child("List")?.textOf("Key"), Key);
    }),
  );
});

test("repeated, empty and missing elements are told apart", () => {
  const text = formatXML("Root", { A: ["1", "", "3"], B: undefined, C: "" });
  const root = parseXML(bytesOf(text), "Root");
  assert.deepEqual(
    root.children("A").map((element) => element.text),
    ["1", "", "3"],
  );
  assert.deepEqual([root.textOf("B"), root.textOf("C")], [undefined, ""]);
});

test("element names cannot reach into objects", () => {
  const text =
    "<Root><__proto__><polluted>1</polluted></__proto__><constructor>1</constructor></Root>";
  try {
    parseXML(bytesOf(text), "Root");
  } catch (cause) {
    assert(cause instanceof S3Error);
  }
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.equal(parseXML(bytesOf("<Root/>"), "Root").textOf("constructor"), undefined);
});

test("entities, absurd nesting, and bytes that are not UTF-8 are refused", () => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><Root>&c;</Root>';
  const deep = `${"<a>".repeat(200_000)}${"</a>".repeat(200_000)}`;
  for (const bytes of [bytesOf(bomb), bytesOf(deep), Uint8Array.of(0x3c, 0xff), bytesOf("")]) {
    assert.throws(() => parseXML(bytes, "Root"), { detail: { code: "MalformedXML" } });
  }
});

test("property: arbitrary text parses or throws S3Error, never anything else", () => {
  const pieces = fc.constantFrom(
    "<Root>",
    "</Root>",
    "<a>",
    "</a>",
    "<![CDATA[",
    "]]>",
    "&",
    "<",
    "x",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (raw) => {
      try {
        parseXML(bytesOf(raw), "Root", "a");
      } catch (cause) {
        assert(cause instanceof S3Error, String(cause));
      }
    }),
  );
});
