import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type ChecksumAlgorithm, createHasher } from "./checksum.ts";
import { checksumOfParts } from "./composite.ts";

async function checksumOf(algorithm: ChecksumAlgorithm, bytes: Uint8Array) {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  const value = Buffer.from(await hasher.digest()).toString("base64");
  return { checksum: { algorithm, type: "FULL_OBJECT" as const, value }, sizeBytes: bytes.length };
}

test("vector: the check values of the CRC catalogue for 123456789", async () => {
  const text = Buffer.from("123456789");
  const hexOf = async (algorithm: ChecksumAlgorithm) => {
    const { checksum } = await checksumOf(algorithm, text);
    return Buffer.from(checksum.value, "base64").toString("hex");
  };
  assert.equal(await hexOf("CRC32"), "cbf43926");
  assert.equal(await hexOf("CRC32C"), "e3069283");
  assert.equal(await hexOf("CRC64NVME"), "ae8b14860a799888");
});

test("property: the CRC of parts is the CRC of the whole", async () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
    minLength: 1,
    maxLength: 6,
  });
  const algorithm = fc.constantFrom("CRC32" as const, "CRC32C" as const, "CRC64NVME" as const);
  await fc.assert(
    fc.asyncProperty(parts, algorithm, async (pieces, name) => {
      const joined = await Promise.all(pieces.map((piece) => checksumOf(name, piece)));
      const { checksum } = await checksumOf(name, Buffer.concat(pieces));
      assert.deepEqual(checksumOfParts(joined, "FULL_OBJECT"), checksum);
    }),
    { numRuns: 60 },
  );
});

test("a composite checksum is the hash of the parts' hashes and their count", async () => {
  const pieces = [Buffer.from("first"), Buffer.from("second")];
  const parts = await Promise.all(pieces.map((piece) => checksumOf("SHA256", piece)));
  const hashes = pieces.map((piece) => createHash("sha256").update(piece).digest());
  const expected = createHash("sha256").update(Buffer.concat(hashes)).digest("base64");
  assert.equal(checksumOfParts(parts, "COMPOSITE").value, `${expected}-2`);
});
