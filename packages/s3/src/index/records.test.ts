import assert from "node:assert/strict";
import { test } from "node:test";
import { CodecError, decode, encode } from "@cess/codec/codec";
import { bytesToHex, hexToBytes } from "@cess/std/bytes";
import fc from "fast-check";
import { bucketCodec, type ObjectRecord, objectCodec, partCodec, uploadCodec } from "./records.ts";

const OBJECT: ObjectRecord = {
  head: {
    storageClass: "STANDARD",
    headers: [{ name: "content-type", value: "text/plain" }],
    metadata: [{ name: "a", value: "b" }],
    tags: [],
  },
  owner: `0x${"11".repeat(20)}`,
  etag: "e",
  sizeBytes: 300,
  modifiedMs: 1_700_000_000_000,
  checksum: { algorithm: "CRC64NVME", type: "FULL_OBJECT", value: "AA==" },
  body: {
    kind: "whole",
    extent: {
      fid: `0x${"22".repeat(32)}`,
      fileSizeBytes: 1000,
      profileId: 1,
      territory: `0x${"33".repeat(32)}`,
      offset: 16,
      sealedBytes: 316,
      sizeBytes: 300,
      wrappedKey: new Uint8Array(2).fill(0x44),
    },
  },
};

/** Version 1 of an object's record on disk. A change needs a new version that can read this. */
const OBJECT_V1 =
  `0x01` +
  "000000085354414e44415244" +
  "000000010000000c636f6e74656e742d747970650000000a746578742f706c61696e" +
  "00000001000000016100000001" +
  "6200000000" +
  "11".repeat(20) +
  "0000000165" +
  "000000000000012c" +
  "0000018bcfe56800" +
  "010200" +
  "0000000441413d3d" +
  "01" +
  "22".repeat(32) +
  "00000000000003e8" +
  "01" +
  "33".repeat(32) +
  "0000000000000010" +
  "000000000000013c" +
  "000000000000012c" +
  "000000024444";

test("vector: an object record of version 1", () => {
  assert.equal(bytesToHex(encode(objectCodec, OBJECT)), OBJECT_V1);
  assert.deepEqual(decode(objectCodec, hexToBytes(OBJECT_V1)), OBJECT);
});

test("a record of another version is refused", () => {
  const other = hexToBytes(OBJECT_V1.replace("0x01", "0x02"));
  assert.throws(() => decode(objectCodec, other), CodecError);
});

test("property: whatever lies on disk decodes or throws CodecError", () => {
  const base = hexToBytes(OBJECT_V1);
  const damaged = fc
    .tuple(fc.nat(base.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(base.length))
    .map(([at, byte, end]) => base.map((old, index) => (index === at ? byte : old)).slice(0, end));
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      for (const codec of [objectCodec, bucketCodec, uploadCodec, partCodec]) {
        try {
          decode<unknown>(codec, bytes);
        } catch (cause) {
          assert(cause instanceof CodecError, String(cause));
        }
      }
    }),
  );
});
