/**
 * What peers say about consensus: checked here, once, before the machine sees it.
 * @module
 */
import { ConsensusError } from "@cess/consensus/error";
import type { Message, Proposal, Vote } from "@cess/consensus/votes";
import { NetworkError } from "@cess/network/error";
import type { CallContext, Network, PeerId, Verdict } from "@cess/network/network";
import { BoundedMap } from "@cess/std/bounded-map";
import { BoundedQueue } from "@cess/std/bounded-queue";
import { hasCode } from "@cess/std/error";
import { assertBodyIs } from "./candidates.ts";
import type { Height } from "./height.ts";
import type { MachineHost } from "./machine-host.ts";
import type { Body, ChainProtocols, ProposalMessage } from "./messages.ts";
import type { VerificationCache } from "./verification-cache.ts";

export interface IntakeDeps {
  readonly network: Network;
  readonly host: MachineHost;
  readonly protocols: ChainProtocols;
  readonly verifications: VerificationCache;
  /** A peer works on `height`, so it has all blocks before. */
  readonly onPeerHeight: (peerId: PeerId, height: bigint) => void;
}

/** Votes and proposals of the next height that wait until this one is done. */
const EARLY_VOTES_MAX = 2048;
const EARLY_PROPOSALS_MAX = 8;
/** Rounds ahead whose blocks are looked at. */
const PROPOSAL_LOOKAHEAD_MAX = 16;
/** Different messages of one seat for one (round, step): two are evidence, more are noise. */
const VERSIONS_MAX = 4;
/** Messages of one seat in one height: bounds the journal. */
const PER_SEAT_MAX = 4096;
const KNOWN_MAX = 65_536;

export class Intake {
  readonly #deps: IntakeDeps;
  #earlyVotes = new BoundedQueue<{ vote: Vote; context: CallContext }>(EARLY_VOTES_MAX);
  #earlyProposals = new BoundedQueue<{ message: ProposalMessage; context: CallContext }>(
    EARLY_PROPOSALS_MAX,
  );
  /** For (seat, round, step), what it said. */
  #known = new BoundedMap<string, Set<string>>(KNOWN_MAX);
  #perSeat = new Map<number, number>();

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  onVote(vote: Vote, context: CallContext): Verdict {
    const { host, verifications, onPeerHeight } = this.#deps;
    const height = host.height;
    if (height === undefined) return "ignore";
    if (vote.height > height.height) {
      onPeerHeight(context.peerId, vote.height);
      if (vote.height === height.height + 1n) this.#earlyVotes.push({ vote, context });
      return "ignore";
    }
    if (vote.height < height.height) return this.#onLateVote(height, vote);
    const place = `${vote.seat}/${vote.round}/${vote.kind}`;
    if (this.#isExcess(vote.seat, place, String(vote.valueId))) return "ignore";
    try {
      verifications.verifyVote(height, vote);
    } catch (cause) {
      if (cause instanceof ConsensusError) return "reject";
      throw cause;
    }
    this.#remember(vote.seat, place, String(vote.valueId));
    host.submitVote(vote);
    return "accept";
  }

  async onProposal(message: ProposalMessage, context: CallContext): Promise<Verdict> {
    const { host, verifications, onPeerHeight } = this.#deps;
    const { proposal } = message;
    const height = host.height;
    if (height === undefined || proposal.height < height.height) return "ignore";
    if (proposal.height > height.height) {
      onPeerHeight(context.peerId, proposal.height);
      const isNext = proposal.height === height.height + 1n;
      if (isNext) this.#earlyProposals.push({ message, context });
      return "ignore";
    }
    const place = `${proposal.seat}/${proposal.round}/propose`;
    const version = `${proposal.valueId}/${proposal.validRound}`;
    if (proposal.round > host.status.round + PROPOSAL_LOOKAHEAD_MAX) return "ignore";
    if (this.#isExcess(proposal.seat, place, version)) return "ignore";
    try {
      const beacon = verifications.verifyProposal(height.context, proposal);
      const body = await this.#bodyOf(proposal, message.body, context);
      if (body === undefined) return "ignore";
      this.#remember(proposal.seat, place, version);
      host.submitProposal(proposal, body, beacon);
      return "accept";
    } catch (cause) {
      if (cause instanceof ConsensusError || hasCode(cause, "BLOCK_REFUSED")) return "reject";
      throw cause;
    }
  }

  /** What a peer repeats on request; one bad message makes the rest of them worthless. */
  async onRepeated(messages: readonly Message[], context: CallContext): Promise<void> {
    for (const message of messages) {
      const verdict =
        message.kind === "vote"
          ? this.onVote(message.vote, context)
          : await this.onProposal({ proposal: message.proposal, body: undefined }, context);
      if (verdict === "reject") return;
    }
  }

  /** Looks again at what came too early. */
  onHeightStarted(): void {
    const { host } = this.#deps;
    this.#known = new BoundedMap(KNOWN_MAX);
    this.#perSeat = new Map();
    const votes = this.#earlyVotes;
    const proposals = this.#earlyProposals;
    this.#earlyVotes = new BoundedQueue(EARLY_VOTES_MAX);
    this.#earlyProposals = new BoundedQueue(EARLY_PROPOSALS_MAX);
    for (let early = proposals.shift(); early !== undefined; early = proposals.shift()) {
      if (early.message.proposal.height === host.height?.height) void this.#retry(early);
    }
    for (let early = votes.shift(); early !== undefined; early = votes.shift()) {
      if (early.vote.height === host.height?.height) this.onVote(early.vote, early.context);
    }
  }

  async #retry(early: { message: ProposalMessage; context: CallContext }): Promise<void> {
    await this.onProposal(early.message, early.context);
  }

  /** A precommit that missed the commit of its block still counts for its seat. */
  #onLateVote({ parent, parentCommittee, chainId }: Height, vote: Vote): Verdict {
    const { host, verifications } = this.#deps;
    const isOfParent = vote.height === parent.height && parentCommittee !== undefined;
    if (!isOfParent || !host.lastCommit.isMissing(vote)) return "ignore";
    try {
      verifications.verifyVote({ chainId, committee: parentCommittee }, vote);
    } catch (cause) {
      if (cause instanceof ConsensusError) return "reject";
      throw cause;
    }
    host.lastCommit.add(vote);
    return "accept";
  }

  async #bodyOf(
    proposal: Proposal,
    sent: Body | undefined,
    { peerId, signal }: CallContext,
  ): Promise<Body | undefined> {
    const { host, network, protocols } = this.#deps;
    const { valueId } = proposal;
    const known = host.body(valueId);
    if (known !== undefined) return known;
    try {
      const body = sent ?? (await network.request(peerId, protocols.body, valueId, signal));
      if (body !== undefined) assertBodyIs(valueId, body);
      return body;
    } catch (cause) {
      if (cause instanceof NetworkError) return undefined;
      throw cause;
    }
  }

  #isExcess(seat: number, place: string, version: string): boolean {
    const versions = this.#known.get(place);
    if (versions?.has(version) || (versions?.size ?? 0) >= VERSIONS_MAX) return true;
    return (this.#perSeat.get(seat) ?? 0) >= PER_SEAT_MAX;
  }

  #remember(seat: number, place: string, version: string): void {
    const versions = this.#known.get(place) ?? new Set<string>();
    this.#known.set(place, versions.add(version));
    this.#perSeat.set(seat, (this.#perSeat.get(seat) ?? 0) + 1);
  }
}
