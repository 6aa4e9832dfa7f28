/**
 * XML in and out. Documents from clients are bounded, may not declare entities, and are read by
 * element name, so unknown elements are skipped as S3 does.
 * @module
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { S3Error, s3Error } from "./error.ts";

/** An element read from a client: its text and its child elements by name, in order. */
export interface XMLElement {
  readonly text: string;
  children(name: string): readonly XMLElement[];
  child(name: string): XMLElement | undefined;
  /** Text of the first child of that name. */
  textOf(name: string): string | undefined;
}

/** What is written: `undefined` leaves the element out, a list repeats it. */
export type XMLValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XMLValue[]
  | { readonly [name: string]: XMLValue };

export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
});

/**
 * Parses a document whose root is one of `roots`.
 *
 * @throws S3Error `MalformedXML`
 */
export function parseXML(bytes: Uint8Array, ...roots: readonly string[]): XMLElement {
  const text = decodeUTF8(bytes);
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw s3Error("MalformedXML");
  let document: unknown;
  try {
    if (XMLValidator.validate(text) !== true) throw s3Error("MalformedXML");
    document = parser.parse(text);
  } catch (cause) {
    // The parser's own errors, and a stack that overflows on absurd nesting, mean the same.
    throw cause instanceof S3Error
      ? cause
      : new S3Error({ code: "MalformedXML" }, undefined, { cause });
  }
  for (const root of roots) {
    const found = viewOf(document).child(root);
    if (found !== undefined) return found;
  }
  throw s3Error("MalformedXML", `Expected the root element ${roots.join(" or ")}.`);
}

/** Writes a document with one root element in the S3 namespace. */
export function formatXML(root: string, value: XMLValue, namespace: string = S3_NAMESPACE): string {
  const xmlns = namespace === "" ? "" : ` xmlns="${namespace}"`;
  const inner = formatContent(value);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${xmlns}>${inner}</${root}>`;
}

function formatContent(value: XMLValue): string {
  if (typeof value !== "object") return value === undefined ? "" : escapeXML(String(value));
  return Object.entries(value)
    .map(([name, child]) => formatElement(name, child))
    .join("");
}

function formatElement(name: string, value: XMLValue): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.map((item) => formatElement(name, item)).join("");
  return `<${name}>${formatContent(value)}</${name.split(" ")[0]}>`;
}

function escapeXML(text: string): string {
  return text.replace(/[&<>"'\r\n\t]|[^\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, (char) => {
    switch (char) {
      case "&":
        return "&amp;";
      case "<":
        return "&lt;";
      case ">":
        return "&gt;";
      case '"':
        return "&quot;";
      case "'":
        return "&apos;";
      case "\n":
      case "\t":
        return char;
      default:
        return `&#x${(char.codePointAt(0) as number).toString(16)};`;
    }
  });
}

function viewOf(node: unknown): XMLElement {
  const fields = typeof node === "object" && node !== null ? (node as Record<string, unknown>) : {};
  const textNode = typeof node === "string" ? node : fields["#text"];
  const children = (name: string): readonly XMLElement[] => {
    if (!Object.hasOwn(fields, name)) return [];
    const found = fields[name];
    return (Array.isArray(found) ? found : [found]).map(viewOf);
  };
  return {
    text: typeof textNode === "string" ? textNode : "",
    children,
    child: (name) => children(name)[0],
    textOf: (name) => children(name)[0]?.text,
  };
}

function decodeUTF8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // TextDecoder says no more than that the bytes are not UTF-8.
    throw s3Error("MalformedXML", "The document is not UTF-8.");
  }
}
