/** One attack a test: what a hostile peer or a hostile validator may try. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "@cess/codec/codec";
import { signProposal, signVote } from "@cess/consensus/authenticate";
import { proposerOf } from "@cess/consensus/proposer";
import type { Proposal, UnsignedVote, Vote } from "@cess/consensus/votes";
import type { CallContext, GossipHandler, Network, Verdict } from "@cess/network/network";
import { systemClock } from "@cess/runtime/node/system";
import { bytesToHex } from "@cess/std/bytes";
import {
  type Body,
  type ChainProtocols,
  type CommittedBlock,
  chainProtocols,
  consensusChainId,
  type ProposalMessage,
} from "./messages.ts";
import { Cluster, type RunningNode, transfer, validatorKeys } from "./testing/cluster.ts";

const WAIT_MS = 20_000;
const context: CallContext = { peerId: "attacker", signal: new AbortController().signal };
/** A block with one transfer has a hundred bytes more. */
const EMPTY_BLOCK_BYTES_MAX = 700;
const nowhere = bytesToHex(new Uint8Array(32).fill(0xee));

interface Bed {
  readonly cluster: Cluster;
  readonly victim: RunningNode;
  readonly chainId: string;
  readonly protocols: ChainProtocols;
  /** Hands a message to the victim as the network would. */
  vote(vote: Vote): Promise<Verdict>;
  propose(message: ProposalMessage): Promise<Verdict>;
  /** Waits for an honest proposal on its way to the victim. */
  nextProposal(): Promise<ProposalMessage>;
}

function attack(name: string, body: (bed: Bed) => Promise<void>): void {
  test(name, async () => {
    const cluster = await Cluster.create({ validatorCount: 4, blockMs: 150 });
    try {
      const handlers = new Map<string, GossipHandler<never>>();
      const waiting: ((message: ProposalMessage) => void)[] = [];
      const inner = cluster.hub.createNetwork("node 0");
      const network: Network = Object.create(inner, {
        subscribe: {
          value: (topic: Parameters<Network["subscribe"]>[0], handler: GossipHandler<unknown>) => {
            handlers.set(topic.id, handler as GossipHandler<never>);
            inner.subscribe(topic, (message, from) => {
              if (topic.id.includes("/proposals/")) {
                if (waiting.length === 0) return handler(message, from);
                // The attacker is first: the honest message arrives a little later.
                for (const hear of waiting.splice(0)) hear(message as ProposalMessage);
                return systemClock.sleep(30).then(() => handler(message, from));
              }
              return handler(message, from);
            });
          },
        },
      });
      const victim = await cluster.start(0, { network });
      for (const index of [1, 2, 3]) await cluster.start(index);
      const chainId = consensusChainId(11330, victim.executor.genesisHash);
      const protocols = chainProtocols(chainId);
      const say = async (id: string, message: unknown) =>
        await (handlers.get(id) as GossipHandler<unknown>)(message, context);
      await cluster.untilHeight(2n, WAIT_MS);
      await body({
        cluster,
        victim,
        chainId,
        protocols,
        vote: (vote) => say(protocols.votes.id, vote),
        propose: (message) => say(protocols.proposals.id, message),
        nextProposal: () => new Promise((resolve) => waiting.push(resolve)),
      });
      const height = victim.executor.head().height;
      await cluster.untilHeight(height + 3n, WAIT_MS);
      cluster.assertNoFork();
    } finally {
      await cluster.stopAll();
    }
  });
}

function unsignedVote({ victim }: Bed, seat: number): UnsignedVote {
  const height = victim.executor.head().height + 1n;
  return { kind: "prevote", height, round: 0, valueId: nowhere, seat };
}

attack("a vote with a forged signature is rejected", async (bed) => {
  const { blsSecretKey } = validatorKeys(77);
  const vote = signVote(bed.chainId, unsignedVote(bed, 2), blsSecretKey);
  assert.equal(await bed.vote(vote), "reject");
});

attack("a vote of a seat that does not exist is rejected", async (bed) => {
  const vote = signVote(bed.chainId, unsignedVote(bed, 9), validatorKeys(9).blsSecretKey);
  assert.equal(await bed.vote(vote), "reject");
});

attack("a vote for another chain is rejected", async (bed) => {
  const vote = signVote("other chain", unsignedVote(bed, 2), validatorKeys(2).blsSecretKey);
  assert.equal(await bed.vote(vote), "reject");
});

attack("a seat that votes for two blocks is exposed by evidence", async (bed) => {
  const { blsSecretKey } = validatorKeys(2);
  const unsigned = { ...unsignedVote(bed, 2), round: 1 };
  const first = signVote(bed.chainId, unsigned, blsSecretKey);
  const second = signVote(bed.chainId, { ...unsigned, valueId: undefined }, blsSecretKey);
  assert.equal(await bed.vote(first), "accept");
  assert.equal(await bed.vote(second), "accept");
  await bed.cluster.until(() => bed.victim.node.evidence().length === 1, WAIT_MS);
  assert.equal(bed.victim.node.evidence()[0]?.first.seat, 2);
});

attack("a flood of different votes of one seat is cut off", async (bed) => {
  const { blsSecretKey } = validatorKeys(2);
  const unsigned = { ...unsignedVote(bed, 2), round: 3 };
  const verdicts: Verdict[] = [];
  for (let version = 0; version < 8; version += 1) {
    const valueId = bytesToHex(new Uint8Array(32).fill(version));
    verdicts.push(await bed.vote(signVote(bed.chainId, { ...unsigned, valueId }, blsSecretKey)));
  }
  assert.equal(verdicts.filter((verdict) => verdict === "accept").length, 4);
  assert.equal(verdicts.at(-1), "ignore");
});

attack("a proposal by a seat whose turn it is not is rejected", async (bed) => {
  const { proposal, body } = await bed.nextProposal();
  const { beacon } = bed.victim.executor.summaryAt(proposal.height - 1n);
  const draw = { beacon, height: proposal.height, seatCount: 4 };
  const seat = (proposerOf({ ...draw, round: proposal.round }) + 1) % 4;
  const { signature, ...unsigned } = proposal;
  assert.equal(signature.length, 96);
  const stolen = { ...unsigned, seat };
  const forged = signProposal(bed.chainId, stolen, validatorKeys(seat).blsSecretKey);
  assert.equal(await bed.propose({ proposal: forged, body }), "reject");
});

attack("a good proposal with another block beside it spoils nothing", async (bed) => {
  await bed.victim.node.mempool.add(await transfer(0));
  const { proposal, body } = await proposalWithTransactions(bed);
  for (const offset of [1, 2, 20, 400]) {
    const block = body.block.slice();
    block[block.length - offset]! ^= 1;
    assert.equal(await bed.propose({ proposal, body: { ...body, block } }), "reject", `${offset}`);
  }
  const { height } = proposal;
  await bed.cluster.untilHeight(height, WAIT_MS);
  const { round } = bed.victim.node.status();
  assert.equal(round, 0, "the honest block was decided at once");
});

attack("a peer that claims a long chain and shows a forged one is not believed", async (bed) => {
  const { cluster, victim, protocols } = bed;
  const liar = cluster.hub.createNetwork("liar");
  let asked = 0;
  const real = victim.executor.head().height;
  const { block } = await committedAt(victim, real);
  liar.serve(protocols.progress, async () => ({ height: 1_000_000n, messages: [] }));
  liar.serve(protocols.blocks, async ({ firstHeight }) => {
    asked += 1;
    const certificate = { ...block.commit.certificate, height: firstHeight };
    return [{ ...block, commit: { ...block.commit, certificate } }];
  });
  await liar.start();
  const vote = signVote(
    bed.chainId,
    { ...unsignedVote(bed, 2), height: 999_999n },
    validatorKeys(2).blsSecretKey,
  );
  await liar.publish(protocols.votes, vote);
  await cluster.until(() => asked > 0, WAIT_MS);
  await systemClock.sleep(300);
  assert(victim.executor.head().height < 1000n);
  await liar.stop();
});

attack("bytes that are no message at all are rejected and break nothing", async (bed) => {
  const { cluster, protocols } = bed;
  const vandal = cluster.hub.createNetwork("vandal");
  await vandal.start();
  for (const topic of [protocols.votes, protocols.proposals, protocols.transactions]) {
    for (const garbage of ["", "x", "a long line of nothing much at all"]) {
      await vandal.publish({ ...topic, message: text(100) }, garbage);
    }
  }
  await vandal.publish(protocols.transactions, {
    attempt: 0,
    transactions: [new Uint8Array(100).fill(0xc0)],
  });
  await vandal.stop();
});

/** A proposal that the victim has not seen yet, with a transaction in it. */
async function proposalWithTransactions(bed: Bed): Promise<{ proposal: Proposal; body: Body }> {
  for (;;) {
    const { proposal, body } = await bed.nextProposal();
    if (body !== undefined && body.block.length > EMPTY_BLOCK_BYTES_MAX) return { proposal, body };
  }
}

/** The block that the victim would serve at `height`. */
async function committedAt(
  victim: RunningNode,
  height: bigint,
): Promise<{ block: CommittedBlock }> {
  return new Promise((resolve) => {
    const stop = victim.node.onCommitted(({ block }) => {
      if (block.commit.certificate.height <= height) return;
      stop();
      resolve({ block });
    });
  });
}
