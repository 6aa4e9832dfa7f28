/**
 * The checksums that S3 clients send along.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc64Nvme } from "@aws-sdk/crc64-nvme";
import { crc32c } from "@node-rs/crc32";

export type ChecksumAlgorithm = "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256";
/** Of the whole object, or of its parts' checksums one after the other. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64; with `-<parts>` after it if composite. */
  readonly value: string;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Promise<Uint8Array>;
}

/** Bytes of each algorithm's value. On disk an algorithm is its place: append only. */
export const CHECKSUM_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export const CHECKSUM_ALGORITHMS = Object.keys(CHECKSUM_BYTES) as readonly ChecksumAlgorithm[];

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(CHECKSUM_BYTES, name);
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** Name of the XML element for a checksum: `ChecksumCRC32`. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

export function createHasher(algorithm: ChecksumAlgorithm): Hasher {
  switch (algorithm) {
    case "CRC32":
      return crcHasher((bytes, state) => crc32(bytes, state));
    case "CRC32C":
      return crcHasher((bytes, state) => crc32c(bytes, state));
    case "CRC64NVME": {
      const crc = new Crc64Nvme();
      return { update: (bytes) => crc.update(bytes), digest: () => crc.digest() };
    }
    case "SHA1":
    case "SHA256": {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (bytes) => hash.update(bytes), digest: async () => hash.digest() };
    }
  }
}

/** True if `value` is Base64 of exactly as many bytes as the algorithm has. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, "base64");
  return bytes.length === CHECKSUM_BYTES[algorithm] && bytes.toString("base64") === value;
}

function crcHasher(step: (bytes: Uint8Array, state: number) => number): Hasher {
  let state = 0;
  return {
    update(bytes) {
      state = step(bytes, state);
    },
    async digest() {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(state);
      return value;
    },
  };
}
