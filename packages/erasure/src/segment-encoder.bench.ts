import { createHash } from "node:crypto";
import { columnCount, PROFILES } from "@cess/params/profile";
import { bench } from "@cess/std/bench";
import { segmentLayout } from "./layout.ts";
import { createErasureCode } from "./reed-solomon.ts";
import { decodeStripes } from "./segment-decoder.ts";
import { encodeSegment, SegmentEncoder } from "./segment-encoder.ts";

const SEGMENT = { segmentBytes: [2 ** 20, 2 ** 25] } as const;
const SHARD = { shardBytes: [2 ** 12, 2 ** 20] } as const;
const CHUNK_BYTES = 2 ** 16;

for (const profile of Object.values(PROFILES)) {
  await bench(`segment/encode-and-hash/${profile.name}`, SEGMENT, ({ sizes, seed }) => {
    const encoder = new SegmentEncoder(profile);
    const bytes = fill(new Uint8Array(sizes.segmentBytes), seed);
    return {
      bytes: bytes.length,
      body() {
        for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
          for (const _ of encoder.push(bytes.subarray(offset, offset + CHUNK_BYTES)));
        }
        return encoder.finish().segment.segmentId;
      },
    };
  });

  await bench(`reed-solomon/encode/${profile.name}`, SHARD, ({ sizes, seed }) => {
    const code = createErasureCode(profile);
    const data = shards(profile.dataCount, sizes.shardBytes, seed);
    const parity = shards(profile.parityCount, sizes.shardBytes, 0);
    return {
      bytes: profile.dataCount * sizes.shardBytes,
      body() {
        code.encode(data, parity);
        return digest(parity);
      },
    };
  });

  for (const lost of [1, 4]) {
    await bench(`reed-solomon/rebuild-${lost}/${profile.name}`, SHARD, ({ sizes, seed }) => {
      const code = createErasureCode(profile);
      const data = shards(profile.dataCount, sizes.shardBytes, seed);
      const parity = shards(profile.parityCount, sizes.shardBytes, 0);
      code.encode(data, parity);
      const all = [...data, ...parity];
      const wanted = Array.from({ length: lost }, (_, column) => column);
      const present = new Map([...all.entries()].slice(lost, lost + profile.dataCount));
      return {
        bytes: profile.dataCount * sizes.shardBytes,
        body: () => code.rebuild(present, wanted).get(0) as Uint8Array,
      };
    });
  }
}

await bench("segment/decode-from-parity/standard", SEGMENT, ({ sizes, seed }) => {
  const bytes = fill(new Uint8Array(sizes.segmentBytes), seed);
  const profile = PROFILES.standard;
  const { fragments } = encodeSegment(new SegmentEncoder(profile), bytes);
  const shards = new Map([...fragments.entries()].slice(columnCount(profile) - profile.dataCount));
  const code = createErasureCode(profile);
  const stripes = { first: 0, count: segmentLayout(profile, bytes.length).stripeCount };
  return {
    bytes: bytes.length,
    body: () => decodeStripes(code, { sizeBytes: bytes.length, stripes }, shards),
  };
});

function shards(count: number, sizeBytes: number, seed: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => fill(new Uint8Array(sizeBytes), seed + index));
}

function fill(bytes: Uint8Array, seed: number): Uint8Array {
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Math.imul(index + seed, 2_654_435_761) >>> 23;
  }
  return bytes;
}

/** A few bytes of each shard: hashing all of them would be timed as well. */
function digest(shards: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const shard of shards) hash.update(shard.subarray(-64));
  return hash.digest();
}
