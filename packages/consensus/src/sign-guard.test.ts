import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@cess/codec/codec";
import { bytesToHex } from "@cess/std/bytes";
import {
  maySign,
  type SignRecord,
  signRecordCodec,
  signRecordOfProposal,
  signRecordOfVote,
} from "./sign-guard.ts";
import type { VoteKind } from "./votes.ts";

const X = bytesToHex(new Uint8Array(32).fill(1));
const Y = bytesToHex(new Uint8Array(32).fill(2));

function vote(kind: VoteKind, height: bigint, round: number, valueId = X): SignRecord {
  return signRecordOfVote("test", { kind, height, round, valueId, seat: 0 });
}

function proposal(height: bigint, round: number, valueId = X): SignRecord {
  const vrfProof = new Uint8Array(80);
  const fields = { validRound: undefined, builtRound: round, seat: 0, vrfProof };
  return signRecordOfProposal("test", { height, round, valueId, ...fields });
}

test("what is signed moves forward in (height, round, step) or is the same bytes", () => {
  const inOrder = [
    proposal(1n, 0),
    vote("prevote", 1n, 0),
    vote("precommit", 1n, 0),
    proposal(1n, 1),
    vote("prevote", 1n, 7),
    vote("prevote", 2n, 0),
  ];
  assert(maySign(undefined, inOrder[0]!));
  for (const [index, last] of inOrder.entries()) {
    for (const [other, next] of inOrder.entries()) {
      assert.equal(maySign(last, next), other >= index);
    }
  }
});

test("attack: a second value for the step that was signed last", () => {
  assert(!maySign(vote("prevote", 1n, 0), vote("prevote", 1n, 0, Y)));
  assert(!maySign(vote("precommit", 1n, 0), vote("precommit", 1n, 0, Y)));
  assert(!maySign(proposal(1n, 0), proposal(1n, 0, Y)));
});

test("vector: a record is 46 bytes and survives the disk", () => {
  const record = vote("precommit", 3n, 2);
  const wire = encode(signRecordCodec, record);
  assert.equal(bytesToHex(wire).slice(0, 30), "0x0100000000000000030000000202");
  assert.equal(wire.length, 46);
  assert.deepEqual(decode(signRecordCodec, wire), record);
});
