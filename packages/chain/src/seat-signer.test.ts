import assert from "node:assert/strict";
import { test } from "node:test";
import type { UnsignedProposal, UnsignedVote } from "@cess/consensus/votes";
import { bytesToHex } from "@cess/std/bytes";
import { SeatSigner, unknownSignRecord } from "./seat-signer.ts";
import { validatorKeys } from "./testing/cluster.ts";

const keys = validatorKeys(0);
const idOf = (fill: number) => bytesToHex(new Uint8Array(32).fill(fill));
const vote: UnsignedVote = { kind: "prevote", height: 7n, round: 2, valueId: idOf(1), seat: 0 };
const proposal: UnsignedProposal = {
  height: 7n,
  round: 2,
  validRound: undefined,
  builtRound: 2,
  valueId: idOf(1),
  seat: 0,
  vrfProof: new Uint8Array(80),
};

test("after a restart a seat repeats itself, and never contradicts itself", () => {
  const before = new SeatSigner(keys, "chain", undefined);
  const signed = before.vote(vote);
  const record = before.unsaved();
  assert(signed !== undefined && record !== undefined);
  before.saved(record);
  assert.equal(before.unsaved(), undefined);

  const after = new SeatSigner(keys, "chain", record);
  assert.deepEqual(after.vote(vote), signed, "the same vote again is harmless");
  assert.equal(after.vote({ ...vote, valueId: idOf(2) }), undefined, "another value");
  assert.equal(after.vote({ ...vote, valueId: undefined }), undefined, "nil instead");
  assert.equal(after.vote({ ...vote, round: 1 }), undefined, "an earlier round");
  assert.equal(after.vote({ ...vote, height: 6n, round: 9 }), undefined, "an earlier height");
  assert.equal(after.proposal(proposal), undefined, "an earlier step of the round");
  assert(after.vote({ ...vote, kind: "precommit", valueId: undefined }) !== undefined);
});

test("a proposer that restarts in its turn does not propose another block", () => {
  const before = new SeatSigner(keys, "chain", undefined);
  assert(before.proposal(proposal) !== undefined);
  const after = new SeatSigner(keys, "chain", before.unsaved());
  assert.equal(after.proposal({ ...proposal, valueId: idOf(2) }), undefined);
  assert(after.proposal(proposal) !== undefined);
});

test("a seat that lost its record signs nothing for the height it may have signed", () => {
  const signer = new SeatSigner(keys, "chain", unknownSignRecord(7n));
  assert.equal(signer.vote({ ...vote, round: 100, kind: "precommit" }), undefined);
  assert(signer.vote({ ...vote, height: 8n, round: 0 }) !== undefined);
});
