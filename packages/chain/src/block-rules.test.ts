import assert from "node:assert/strict";
import { test } from "node:test";
import type { Committee } from "@cess/consensus/committee";
import { proposerOf } from "@cess/consensus/proposer";
import { bytesToHex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import type { BlockFacts } from "./application.ts";
import { assertBlockFits, assertNotFromFuture, type HeightRules } from "./block-rules.ts";
import { validatorKeys } from "./testing/cluster.ts";

const committee: Committee = {
  seats: [0, 1, 2, 3].map((index) => ({
    address: validatorKeys(index).account,
    blsPublicKey: new Uint8Array(48),
    vrfPublicKey: new Uint8Array(32),
  })),
};
const idOf = (fill: number) => bytesToHex(new Uint8Array(32).fill(fill));
const parent: BlockFacts = {
  hash: idOf(1),
  parentHash: idOf(0),
  height: 6n,
  timestampSeconds: 1000n,
  proposer: validatorKeys(0).account,
  beacon: new Uint8Array(32).fill(5),
  lastCertificateHash: new Uint8Array(32),
};
const rules: HeightRules = {
  chainId: "chain",
  height: 7n,
  parent,
  committee,
  parentCommittee: committee,
};
const beacon = new Uint8Array(32).fill(6);
const seat = proposerOf({ beacon: parent.beacon, height: 7n, round: 1, seatCount: 4 });
const facts: BlockFacts = {
  hash: idOf(2),
  parentHash: parent.hash,
  height: 7n,
  timestampSeconds: 1001n,
  proposer: validatorKeys(seat).account,
  beacon,
  lastCertificateHash: new Uint8Array(32).fill(7),
};
const claim = { builtRound: 1, beacon };

function refuses(changed: Partial<BlockFacts>): void {
  assert.throws(
    () => assertBlockFits(rules, { ...facts, ...changed }, claim),
    (cause) => hasCode(cause, "BLOCK_REFUSED"),
  );
}

test("a block fits its height, parent, time, beacon and proposer, or is refused", () => {
  assertBlockFits(rules, facts, claim);
  refuses({ height: 8n });
  refuses({ parentHash: idOf(9) });
  refuses({ timestampSeconds: 1000n });
  refuses({ beacon: parent.beacon });
  refuses({ proposer: validatorKeys((seat + 1) % 4).account });
});

test("a block from the future is refused, unless its time is the least it may have", () => {
  assertNotFromFuture(rules, { ...facts, timestampSeconds: 2005n }, 2_000_000);
  assert.throws(() => assertNotFromFuture(rules, { ...facts, timestampSeconds: 2006n }, 2_000_000));
  assertNotFromFuture(rules, { ...facts, timestampSeconds: 1001n }, 0);
});
