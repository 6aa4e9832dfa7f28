/**
 * Which files of the network this gateway still needs. A file is named by as many extents as
 * objects and parts lie in it; with the last of them it is given back.
 * @module
 */
import assert from "node:assert/strict";
import { decode, encode } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import type { Declaration } from "@cess/storage-client/file-store";
import { claimPart, keyOf } from "./keys.ts";
import type { MetaReader, MetaWriter } from "./meta-store.ts";
import { declarationCodec, fileCodec } from "./records.ts";

/** A file as one territory claims it. */
export interface Claim {
  readonly territory: Hex;
  readonly fid: Hex;
}

/** Counts one extent more, and has a new file declared. */
export function retainNew(writer: MetaWriter, declaration: Declaration): void {
  const claim = claimPart(declaration);
  const count = extentCount(writer, claim);
  // A bundle's later objects find it counted: it is then declared, or waits to be, already.
  if (count === 0) writer.put(keyOf("declaration", claim), encode(declarationCodec, declaration));
  writer.delete(keyOf("removal", claim));
  setExtentCount(writer, claim, count + 1);
}

/** Counts one extent more of a file in use. False if the file is not in use any more. */
export function retainShared(writer: MetaWriter, file: Claim): boolean {
  const claim = claimPart(file);
  const count = extentCount(writer, claim);
  if (count === 0) return false;
  setExtentCount(writer, claim, count + 1);
  return true;
}

/** Counts one extent less; without any, the file is to be removed from the chain. */
export function release(writer: MetaWriter, file: Claim): void {
  const claim = claimPart(file);
  const count = extentCount(writer, claim);
  assert(count > 0, "an extent is released once");
  setExtentCount(writer, claim, count - 1);
  if (count > 1) return;
  writer.delete(keyOf("declaration", claim));
  writer.delete(keyOf("refused", claim));
  writer.put(keyOf("removal", claim), new Uint8Array(0));
}

function extentCount(reader: MetaReader, claim: Uint8Array): number {
  const value = reader.get(keyOf("file", claim));
  return value === undefined ? 0 : decode(fileCodec, value).extentCount;
}

function setExtentCount(writer: MetaWriter, claim: Uint8Array, extentCount: number): void {
  const key = keyOf("file", claim);
  if (extentCount === 0) writer.delete(key);
  else writer.put(key, encode(fileCodec, { extentCount }));
}
