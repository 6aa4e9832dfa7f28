import { invalidArgument, s3Error } from "../error.ts";
import { parseQuery } from "../http/uri.ts";
import type { NameValue } from "../index/records.ts";
import { formatXML, parseXML, type XMLElement } from "../xml.ts";

const TAG_NAME_MAX = 128;
const TAG_VALUE_MAX = 256;
export const OBJECT_TAGS_MAX = 10;
export const BUCKET_TAGS_MAX = 50;

/** The `x-amz-tagging` header: tags in the form of a query string. */
export function parseTagHeader(text: string | undefined): readonly NameValue[] {
  if (text === undefined) return [];
  let tags: readonly NameValue[];
  try {
    tags = parseQuery(text);
  } catch {
    // Only escapes can be wrong, and here they are not part of an address.
    throw invalidArgument("x-amz-tagging", text);
  }
  return checkTags(tags, OBJECT_TAGS_MAX);
}

/** A `Tagging` document. @throws S3Error `MalformedXML`, `InvalidTag` */
export function parseTagging(bytes: Uint8Array, countMax: number): readonly NameValue[] {
  const set = parseXML(bytes, "Tagging").child("TagSet");
  if (set === undefined) throw s3Error("MalformedXML");
  return checkTags(set.children("Tag").map(parseTag), countMax);
}

export function formatTagging(tags: readonly NameValue[]): string {
  const Tag = tags.map(({ name, value }) => ({ Key: name, Value: value }));
  return formatXML("Tagging", { TagSet: { Tag } });
}

function parseTag(element: XMLElement): NameValue {
  const name = element.textOf("Key");
  const value = element.textOf("Value");
  if (name === undefined || value === undefined) throw s3Error("MalformedXML");
  return { name, value };
}

function checkTags(tags: readonly NameValue[], countMax: number): readonly NameValue[] {
  if (tags.length > countMax) {
    throw s3Error("InvalidTag", `There can be at most ${countMax} tags.`);
  }
  if (new Set(tags.map(({ name }) => name)).size < tags.length) {
    throw s3Error("InvalidTag", "Cannot provide multiple Tags with the same key");
  }
  for (const { name, value } of tags) {
    if (name.length === 0 || name.length > TAG_NAME_MAX) {
      throw s3Error("InvalidTag", "The TagKey you have provided is invalid");
    }
    if (value.length > TAG_VALUE_MAX) {
      throw s3Error("InvalidTag", "The TagValue you have provided is invalid");
    }
  }
  return tags;
}
