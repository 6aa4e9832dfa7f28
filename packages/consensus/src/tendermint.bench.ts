import { createBLSKeyPair } from "@cess/crypto/bls";
import { bench } from "@cess/std/bench";
import { bytesToHex, utf8ToBytes } from "@cess/std/bytes";
import { signVote, verifyVote, verifyVotes } from "./authenticate.ts";
import { createCertificate, verifyCertificate } from "./certificate.ts";
import { proposerOf } from "./proposer.ts";
import { Tendermint } from "./tendermint.ts";
import type { ValueId, Vote, VoteKind } from "./votes.ts";

const TIMEOUTS = { proposeMs: 300, prevoteMs: 100, precommitMs: 100, perRoundMs: 50 };
const X: ValueId = `0x${"11".repeat(32)}`;
const BEACON = new Uint8Array(32);

await bench("tendermint/step", { seats: [4, 11], heights: [2, 2000] }, ({ sizes }) => {
  const { seats, heights } = sizes;
  return {
    operations: heights * (2 + 2 * seats),
    body: () => utf8ToBytes(String(decideHeights(seats, heights))),
  };
});

await bench("certificate/verify", { seats: [4, 11], times: [1, 100] }, ({ sizes }) => {
  const { context, votes } = createPrecommits(sizes.seats);
  const certificate = createCertificate(sizes.seats, votes);
  return {
    operations: sizes.times,
    body() {
      for (let index = 0; index < sizes.times; index += 1) verifyCertificate(context, certificate);
      return certificate.signature;
    },
  };
});

await bench("vote/verify", { seats: [4, 11], times: [1, 20] }, ({ sizes }) => {
  const { context, votes } = createPrecommits(sizes.seats);
  return {
    operations: sizes.times * sizes.seats,
    body() {
      for (let index = 0; index < sizes.times; index += 1) {
        for (const vote of votes) verifyVote(context, vote);
      }
      return votes[0]!.signature;
    },
  };
});

await bench("vote/verify-batch", { seats: [4, 11], times: [1, 20] }, ({ sizes }) => {
  const { context, votes } = createPrecommits(sizes.seats);
  return {
    operations: sizes.times * sizes.seats,
    body() {
      let isValid = true;
      for (let index = 0; index < sizes.times; index += 1) isValid = verifyVotes(context, votes);
      return Uint8Array.of(Number(isValid));
    },
  };
});

/** One follower through heights without faults; returns the number of decisions. */
function decideHeights(seatCount: number, heights: number): number {
  const machine = new Tendermint({ timeouts: TIMEOUTS });
  const signature = new Uint8Array(96);
  const vrfProof = new Uint8Array(80);
  let decided = 0;
  for (let height = 1n; height <= heights; height += 1n) {
    const beacon = bytesToHex(BEACON);
    machine.step({ kind: "startHeight", height, seatCount, self: undefined, beacon });
    const seat = proposerOf({ beacon: BEACON, height, round: 0, seatCount });
    const block = { height, round: 0, validRound: undefined, builtRound: 0, valueId: X, seat };
    machine.step({ kind: "proposal", proposal: { ...block, vrfProof, signature }, isValid: true });
    for (const kind of ["prevote", "precommit"] as const satisfies VoteKind[]) {
      for (let voter = 0; voter < seatCount; voter += 1) {
        const vote = { kind, height, round: 0, valueId: X, seat: voter, signature };
        const effects = machine.step({ kind: "vote", vote });
        decided += effects.filter((effect) => effect.kind === "decide").length;
      }
    }
  }
  return decided;
}

function createPrecommits(seatCount: number): {
  readonly context: Parameters<typeof verifyVote>[0];
  readonly votes: readonly Vote[];
} {
  const keys = Array.from({ length: seatCount }, (_, seat) => {
    return createBLSKeyPair(new Uint8Array(32).fill(seat + 1));
  });
  const seats = keys.map(({ publicKey }) => {
    return { address: "0x" as const, blsPublicKey: publicKey, vrfPublicKey: new Uint8Array(32) };
  });
  const votes = keys.map(({ secretKey }, seat) => {
    const unsigned = { kind: "precommit", height: 1n, round: 0, valueId: X, seat } as const;
    return signVote("bench", unsigned, secretKey);
  });
  return { context: { chainId: "bench", committee: { seats } }, votes };
}
