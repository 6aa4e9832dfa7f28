import assert from "node:assert/strict";
import { test } from "node:test";
import { type Codec, CodecError, decode, encode } from "@cess/codec/codec";
import type { FragmentPath } from "@cess/erasure/ids";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import { encodeFrameHead, splitFrame } from "./frame.ts";
import {
  formatRange,
  leafCountOf,
  type RangeProof,
  rangeProofCodec,
  roundToLeaves,
} from "./range.ts";
import { type ReceiptRequest, receiptRequestCodec } from "./receipt-request.ts";
import {
  decodeTagResponse,
  type ReportRequest,
  reportRequestCodec,
  type TagRequest,
  taggedMessage,
  tagRequestCodec,
} from "./tag-request.ts";

const hashHex = (fill: string): Hex => `0x${fill.repeat(32)}`;
const address: Hex = `0x${"ab".repeat(20)}`;
const path: FragmentPath = {
  segmentIndex: 1,
  column: 2,
  segmentPath: [new Uint8Array(32).fill(3)],
  filePath: [],
};
const receipt: ReceiptRequest = {
  fid: hashHex("01"),
  sizeBytes: 5n,
  profileId: 0,
  column: 2,
  territory: hashHex("06"),
  expiryBlock: 9n,
  placement: [address],
  fragments: [{ fragmentId: hashHex("02"), path }],
};
const tag: TagRequest = { miner: address, fid: hashHex("01"), sizeBytes: 5n, profileId: 0, path };
const item = { fid: hashHex("01"), segment: 0xffff, column: 2, sizeBytes: 5n, profileId: 0 };
const report: ReportRequest = {
  miner: address,
  expiryBlock: 9n,
  items: [{ ...item, macs: [new Uint8Array(32).fill(4)] }],
};
const proof: RangeProof = {
  firstLeaf: 1,
  leafCount: 2,
  totalSizeBytes: 200_000,
  hashes: [new Uint8Array(32).fill(5)],
};
const PATH = `000102${"00000001"}${"03".repeat(32)}${"00000000"}`;

test("the formats are pinned", () => {
  const [fid, miner] = ["01".repeat(32), "ab".repeat(20)];
  const size = "0000000000000005";
  const pinned: readonly [Codec<never>, unknown, string][] = [
    [
      receiptRequestCodec as Codec<never>,
      receipt,
      `${fid}${size}0002${"06".repeat(32)}0000000000000009${"00000001"}${miner}${"00000001"}${"02".repeat(32)}${PATH}`,
    ],
    [tagRequestCodec as Codec<never>, tag, `${miner}${fid}${size}00${PATH}`],
    [
      reportRequestCodec as Codec<never>,
      report,
      `${miner}0000000000000009${"00000001"}${fid}ffff02${size}00${"00000001"}${"04".repeat(32)}`,
    ],
    [
      rangeProofCodec as Codec<never>,
      proof,
      `000000010000000200030d40${"00000001"}${"05".repeat(32)}`,
    ],
  ];
  for (const [codec, value, hex] of pinned) {
    const wire = encode(codec, value as never);
    assert.equal(bytesToHex(wire), `0x${hex}`);
    assert.deepEqual(decode(codec, wire), value);
  }
  const message = taggedMessage({ miner: address, ...item, segment: 1 });
  const domain = Buffer.from("cess/tagged/v1").toString("hex");
  assert.equal(bytesToHex(message), `0x${domain}${miner}${fid}${size}00000102`);
});

test("hostile bytes give CodecError or a value with the same bytes, nothing else", () => {
  const codecs = [receiptRequestCodec, tagRequestCodec, reportRequestCodec, rangeProofCodec];
  const mutated = fc.record({
    which: fc.nat(codecs.length - 1),
    at: fc.nat(400),
    byte: fc.nat(255),
    cut: fc.nat(40),
  });
  fc.assert(
    fc.property(mutated, ({ which, at, byte, cut }) => {
      const codec = codecs[which] as Codec<never>;
      const good = encode(codec, [receipt, tag, report, proof][which] as never);
      const wire = good.slice(0, good.length - cut);
      if (wire.length > 0) wire[at % wire.length] = byte;
      try {
        assert.deepEqual(encode(codec, decode(codec, wire)), wire);
      } catch (cause) {
        assert(cause instanceof CodecError, String(cause));
      }
    }),
  );
});

test("attack: a count beyond its limit is refused before anything is read", () => {
  const wire = encode(receiptRequestCodec, receipt);
  new DataView(wire.buffer).setUint32(82, 17);
  assert.throws(
    () => decode(receiptRequestCodec, wire),
    (cause) => hasCode(cause, "CODEC_LIMIT"),
  );
});

test("a frame is split into head and rest, and a lie about its length is refused", () => {
  const rest = Uint8Array.of(7, 8, 9);
  const body = new Uint8Array([...encodeFrameHead(tagRequestCodec, tag), ...rest]);
  assert.deepEqual(splitFrame(tagRequestCodec, body), { head: tag, rest });
  for (const length of [0xffff_ffff, body.length - 3]) {
    const lie = body.slice();
    new DataView(lie.buffer).setUint32(0, length);
    assert.throws(() => splitFrame(tagRequestCodec, lie));
  }
  assert.throws(
    () => splitFrame(tagRequestCodec, body.subarray(0, 3)),
    (cause) => hasCode(cause, "FRAME_MALFORMED"),
  );
});

test("ranges grow to whole leaves, within the fragment", () => {
  const total = 200_000;
  assert.deepEqual(roundToLeaves({ first: 0, last: 0 }, total), { first: 0, last: 65_535 });
  assert.deepEqual(roundToLeaves({ first: 65_535, last: 65_536 }, total), {
    first: 0,
    last: 131_071,
  });
  const tail = roundToLeaves({ first: 199_999, last: 199_999 }, total);
  assert.deepEqual(tail, { first: 196_608, last: 199_999 });
  assert.equal(formatRange(tail, total), "196608-199999/200000");
  assert.deepEqual([1, 65_536, 65_537].map(leafCountOf), [1, 1, 2]);
});

test("a tag response without whole tags is refused", () => {
  assert.equal(decodeTagResponse(new Uint8Array(32 + 96)).tags.length, 96);
  for (const sizeBytes of [0, 32, 79, 32 + 47]) {
    assert.throws(
      () => decodeTagResponse(new Uint8Array(sizeBytes)),
      (cause) => hasCode(cause, "FRAME_MALFORMED"),
    );
  }
});
