import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@cess/codec/codec";
import { createBLSKeyPair } from "@cess/crypto/bls";
import { proveVRF, verifyVRF, vrfPublicKeyOf } from "@cess/crypto/vrf";
import { bytesToHex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import {
  signProposal,
  signVote,
  verifyBeaconProof,
  verifyProposal,
  verifyVote,
  verifyVotes,
} from "./authenticate.ts";
import { beaconInput, nextBeacon } from "./beacon.ts";
import {
  type CommitCertificate,
  certificateCodec,
  certificateHash,
  createCertificate,
  signersOf,
  verifyCertificate,
} from "./certificate.ts";
import { type Committee, committeeCodec, committeeHash } from "./committee.ts";
import { type Evidence, evidenceCodec, verifyEvidence } from "./evidence.ts";
import { followHeader } from "./light-client.ts";
import { proposerOf } from "./proposer.ts";
import {
  type Proposal,
  proposalCodec,
  type ValueId,
  type Vote,
  type VoteKind,
  voteCodec,
} from "./votes.ts";

const CHAIN_ID = "cess-test";
const SEATS = 7;
const seeds = Array.from({ length: SEATS }, (_, seat) => new Uint8Array(32).fill(seat + 1));
const blsKeys = seeds.map((seed) => createBLSKeyPair(seed));
const committee: Committee = {
  seats: blsKeys.map(({ publicKey }, seat) => ({
    address: bytesToHex(new Uint8Array(20).fill(seat)),
    blsPublicKey: publicKey,
    vrfPublicKey: vrfPublicKeyOf(seeds[seat]!),
  })),
};
const context = { chainId: CHAIN_ID, committee };
const X: ValueId = bytesToHex(new Uint8Array(32).fill(0x11));
const Y: ValueId = bytesToHex(new Uint8Array(32).fill(0x22));
const beacon = new Uint8Array(32).fill(5);

function vote(seat: number, value: ValueId | "nil" = X, kind: VoteKind = "precommit"): Vote {
  const valueId = value === "nil" ? undefined : value;
  const unsigned = { kind, height: 9n, round: 2, valueId, seat };
  return signVote(CHAIN_ID, unsigned, blsKeys[seat]!.secretKey);
}

function proposal(round: number, over: Partial<Proposal> = {}): Proposal {
  const height = 9n;
  const builtRound = over.builtRound ?? round;
  const builder = proposerOf({ beacon, height, round: builtRound, seatCount: SEATS });
  const seat = proposerOf({ beacon, height, round, seatCount: SEATS });
  const vrfProof = proveVRF(seeds[builder]!, beaconInput(beacon, height));
  const fields = { height, round, validRound: undefined, builtRound, valueId: X, seat, vrfProof };
  return signProposal(CHAIN_ID, { ...fields, ...over }, blsKeys[over.seat ?? seat]!.secretKey);
}

function refuses(code: string, run: () => unknown): void {
  assert.throws(run, (cause) => hasCode(cause, code));
}

const certificate = createCertificate(
  SEATS,
  [0, 1, 3, 4, 6].map((seat) => vote(seat)),
);

test("a certificate of a quorum verifies and names its signers", () => {
  verifyCertificate(context, certificate);
  assert.deepEqual(signersOf(certificate), [0, 1, 3, 4, 6]);
  assert.deepEqual(decode(certificateCodec, encode(certificateCodec, certificate)), certificate);
});

test("vector: wire forms and hashes", () => {
  const wire = bytesToHex(encode(certificateCodec, certificate));
  assert.equal(wire.slice(0, 2 + 2 * 49), `0x000000000000000900000002${"11".repeat(32)}000000015b`);
  const voteWire = bytesToHex(encode(voteCodec, vote(3, "nil", "prevote")));
  assert.equal(voteWire.slice(0, 34), "0x000000000000000009000000020000" + "03");
  assert.equal(encode(proposalCodec, proposal(0)).length, 8 + 4 + 1 + 4 + 32 + 2 + 80 + 96);
  assert.equal(bytesToHex(certificateHash(certificate)), PINNED.certificateHash);
  assert.equal(bytesToHex(committeeHash(committee)), PINNED.committeeHash);
  assert.equal(bytesToHex(nextBeacon(beacon, new Uint8Array(64))), PINNED.nextBeacon);
  const draws = [0, 1, 2, 3].map((round) => {
    return proposerOf({ beacon, height: 9n, round, seatCount: SEATS });
  });
  assert.deepEqual(draws, PINNED.proposers);
});

test("attack: certificates without a quorum, with phantom or swapped signers, of other blocks", () => {
  const forge = (over: Partial<CommitCertificate>) => {
    refuses("CERTIFICATE_INVALID", () => verifyCertificate(context, { ...certificate, ...over }));
  };
  forge({ signers: Uint8Array.of(0b0001_1011) });
  forge({ signers: Uint8Array.of(0b1101_1011) });
  forge({ signers: Uint8Array.of(0b0101_1111) });
  forge({ signers: Uint8Array.of(0b0011_1011) });
  forge({ signers: Uint8Array.of(0b0101_1011, 0) });
  forge({ signers: new Uint8Array() });
  forge({ valueId: Y });
  forge({ round: 3 });
  forge({ height: 10n });
  refuses("CERTIFICATE_INVALID", () => {
    verifyCertificate({ ...context, chainId: "another" }, certificate);
  });
});

test("attack: prevotes passed off as precommits", () => {
  const prevotes = [0, 1, 3, 4, 6].map((seat) => ({ ...vote(seat, X, "prevote") }));
  const forged = createCertificate(
    SEATS,
    prevotes.map((prevote) => ({ ...prevote, kind: "precommit" as const })),
  );
  refuses("CERTIFICATE_INVALID", () => verifyCertificate(context, forged));
});

test("votes verify alone and in a batch, and not under another seat", () => {
  const votes = [vote(0), vote(1, "nil"), vote(2, Y, "prevote")];
  for (const one of votes) verifyVote(context, one);
  assert(verifyVotes(context, votes));
  const stolen = { ...vote(0), seat: 1 };
  refuses("SIGNATURE_INVALID", () => verifyVote(context, stolen));
  assert(!verifyVotes(context, [...votes, stolen]));
  refuses("SEAT_UNKNOWN", () => verifyVote(context, { ...vote(0), seat: SEATS }));
});

test("a proposal yields the beacon of its block, again when it is proposed again", () => {
  const first = proposal(0);
  const expected = nextBeacon(
    beacon,
    verifyVRF(committee.seats[first.seat]!.vrfPublicKey, beaconInput(beacon, 9n), first.vrfProof),
  );
  const height = { ...context, beacon };
  assert.deepEqual(verifyProposal(height, first), expected);
  const again = proposal(4, { builtRound: 0, validRound: 2 });
  assert.deepEqual(verifyProposal(height, again), expected);
  assert.deepEqual(verifyBeaconProof(height, again), expected);
});

test("attack: proposals out of turn, of false form, or with a beacon of choice", () => {
  const height = { ...context, beacon };
  const { seat } = proposal(0);
  refuses("PROPOSER_WRONG", () =>
    verifyProposal(height, proposal(0, { seat: (seat + 1) % SEATS })),
  );
  refuses("PROPOSAL_MALFORMED", () => verifyProposal(height, proposal(4, { builtRound: 0 })));
  refuses("PROPOSAL_MALFORMED", () => verifyProposal(height, proposal(4, { validRound: 4 })));
  refuses("PROPOSAL_MALFORMED", () => {
    verifyProposal(height, proposal(4, { validRound: 2, builtRound: 3 }));
  });
  const otherInput = proveVRF(seeds[seat]!, beaconInput(beacon, 10n));
  refuses("BEACON_PROOF_INVALID", () => {
    verifyProposal(height, proposal(0, { vrfProof: otherInput }));
  });
  refuses("SIGNATURE_INVALID", () => verifyProposal(height, { ...proposal(0), valueId: Y }));
});

test("evidence of double signing names the seat, and cannot be made up", () => {
  const votes: Evidence = { kind: "votes", first: vote(3), second: vote(3, "nil") };
  assert.equal(verifyEvidence(context, votes), 3);
  assert.deepEqual(decode(evidenceCodec, encode(evidenceCodec, votes)), votes);
  const proposals: Evidence = {
    kind: "proposals",
    first: proposal(0),
    second: proposal(0, { valueId: Y }),
  };
  assert.equal(verifyEvidence(context, proposals), proposals.first.seat);
  const framed: readonly Evidence[] = [
    { kind: "votes", first: vote(3), second: vote(3) },
    { kind: "votes", first: vote(3), second: vote(4, Y) },
    { kind: "votes", first: vote(3), second: vote(3, Y, "prevote") },
    { kind: "proposals", first: proposal(0), second: proposal(1, { valueId: Y }) },
  ];
  for (const evidence of framed) {
    refuses("EVIDENCE_INVALID", () => verifyEvidence(context, evidence));
  }
  const forged: Evidence = { kind: "votes", first: vote(3), second: { ...vote(4, Y), seat: 3 } };
  refuses("SIGNATURE_INVALID", () => verifyEvidence(context, forged));
});

test("a light client follows committees by certificates alone", () => {
  const nextCommittee = { seats: committee.seats.slice(0, 4) };
  const step = {
    height: 9n,
    valueId: X,
    certificate,
    nextCommittee,
    nextCommitteeHash: committeeHash(nextCommittee),
  };
  assert.deepEqual(followHeader(context, step).committee, nextCommittee);
  refuses("CERTIFICATE_INVALID", () => followHeader(context, { ...step, valueId: Y }));
  refuses("CERTIFICATE_INVALID", () => followHeader(context, { ...step, height: 8n }));
  refuses("CERTIFICATE_INVALID", () =>
    followHeader(context, { ...step, nextCommittee: committee }),
  );
  assert.deepEqual(decode(committeeCodec, encode(committeeCodec, committee)), committee);
});

/** The last two were computed from the specification by another program. */
const PINNED = {
  certificateHash: "0x9963fca11c79b0f405a6f904b6d6db5f6d60d9374d4276c97aab905912d3a00d",
  committeeHash: "0x3d333505f62c4b7dd3f8827f97f2c67b795ddf1684e3fd3b6b6f3d9046b91a86",
  nextBeacon: "0xa4acb7a7ac79ca354edadb0f64aa333325bfedf1eef2b415a892b94eb362015a",
  proposers: [1, 4, 5, 1],
};
