import assert from "node:assert/strict";
import { test } from "node:test";
import { type Codec, CodecError, decode, encode } from "@cess/codec/codec";
import { bytesToHex } from "@cess/std/bytes";
import fc from "fast-check";
import {
  type Proposal,
  proposalCodec,
  proposalSigningBytes,
  type Vote,
  voteCodec,
  voteSigningBytes,
} from "./votes.ts";

const u32 = fc.nat(0xffff_ffff);
const valueId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex);
const sized = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const votes: fc.Arbitrary<Vote> = fc.record(
  {
    kind: fc.constantFrom("prevote" as const, "precommit" as const),
    height: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    round: u32,
    valueId: fc.option(valueId, { nil: undefined }),
    seat: fc.nat(0xffff),
    signature: sized(96),
  },
  { noNullPrototype: true },
);

const proposals: fc.Arbitrary<Proposal> = fc.record(
  {
    height: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    round: u32,
    validRound: fc.option(u32, { nil: undefined }),
    builtRound: u32,
    valueId,
    seat: fc.nat(0xffff),
    vrfProof: sized(80),
    signature: sized(96),
  },
  { noNullPrototype: true },
);

test("property: decode inverts encode", () => {
  fc.assert(
    fc.property(votes, proposals, (vote, proposal) => {
      assert.deepEqual(decode(voteCodec, encode(voteCodec, vote)), vote);
      assert.deepEqual(decode(proposalCodec, encode(proposalCodec, proposal)), proposal);
    }),
  );
});

test("property: arbitrary bytes decode to what encodes to them, or throw CodecError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (wire) => {
      assertCanonical(voteCodec, wire);
      assertCanonical(proposalCodec, wire);
    }),
  );
});

test("attack: flags and kinds that are neither of two values", () => {
  const nil = { kind: "prevote", height: 1n, round: 0, valueId: undefined, seat: 0 } as const;
  const wire = encode(voteCodec, { ...nil, signature: new Uint8Array(96) });
  assert.equal(assertCanonical(voteCodec, wire), "canonical");
  for (const offset of [0, 13])
    assert.equal(assertCanonical(voteCodec, wire.with(offset, 2)), "refused");
});

function assertCanonical<T>(codec: Codec<T>, wire: Uint8Array): "canonical" | "refused" {
  let value: T;
  try {
    value = decode(codec, wire);
  } catch (cause) {
    assert(cause instanceof CodecError, String(cause));
    return "refused";
  }
  assert.deepEqual(encode(codec, value), wire);
  return "canonical";
}

test("vector: signed bytes begin with their domain", () => {
  const value = bytesToHex(new Uint8Array(32).fill(0xab));
  const vote = { kind: "precommit", height: 5n, round: 1, valueId: value } as const;
  const domain = Buffer.from("cess/vote/v1").toString("hex");
  const chain = `00000004${Buffer.from("test").toString("hex")}`;
  assert.equal(
    bytesToHex(voteSigningBytes("test", vote)),
    `0x${domain}${chain}01${"0000000000000005"}${"00000001"}01${"ab".repeat(32)}`,
  );
  assert.equal(
    bytesToHex(voteSigningBytes("test", { ...vote, kind: "prevote", valueId: undefined })),
    `0x${domain}${chain}00${"0000000000000005"}${"00000001"}00`,
  );
});

test("votes that differ in anything but the seat sign different bytes", () => {
  fc.assert(
    fc.property(votes, votes, fc.string(), fc.string(), (left, right, chain, otherChain) => {
      const key = (chainId: string, { kind, height, round, valueId: value }: Vote) => {
        return JSON.stringify([chainId, kind, String(height), round, value]);
      };
      fc.pre(Buffer.byteLength(chain) <= 64 && Buffer.byteLength(otherChain) <= 64);
      fc.pre(chain.isWellFormed() && otherChain.isWellFormed());
      const isSame = key(chain, left) === key(otherChain, right);
      const leftBytes = bytesToHex(voteSigningBytes(chain, left));
      assert.equal(leftBytes === bytesToHex(voteSigningBytes(otherChain, right)), isSame);
      const elsewhere = { ...left, seat: left.seat ^ 1 };
      assert.equal(bytesToHex(voteSigningBytes(chain, elsewhere)), leftBytes);
    }),
  );
});

test("every field of a proposal is signed", () => {
  fc.assert(
    fc.property(proposals, (proposal) => {
      const signed = bytesToHex(proposalSigningBytes("test", proposal));
      const changed: readonly Partial<Proposal>[] = [
        { height: proposal.height ^ 1n },
        { round: (proposal.round ^ 1) >>> 0 },
        { validRound: proposal.validRound === undefined ? 0 : undefined },
        { builtRound: (proposal.builtRound ^ 1) >>> 0 },
        { valueId: `0x${"12".repeat(31)}${proposal.valueId.endsWith("34") ? "35" : "34"}` },
        { seat: proposal.seat ^ 1 },
        { vrfProof: proposal.vrfProof.map((byte) => byte ^ 1) },
      ];
      for (const change of changed) {
        const other = proposalSigningBytes("test", { ...proposal, ...change });
        assert.notEqual(bytesToHex(other), signed);
      }
    }),
  );
});
