/**
 * Runs the consensus machine: carries out its effects, and feeds back what comes of them.
 *
 * One task at a time touches the machine. What it signs leaves the node only after the journal and
 * the record of what was signed are on disk, so a node that restarts continues where it was and
 * never signs a second message for one (height, round, step).
 * @module
 */
import assert from "node:assert/strict";
import {
  type Effect,
  type Input,
  Tendermint,
  type TendermintStatus,
  type TimeoutConfig,
} from "@cess/consensus/tendermint";
import type { Message, Proposal, UnsignedVote, ValueId, Vote } from "@cess/consensus/votes";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import { bytesToHex } from "@cess/std/bytes";
import { Semaphore } from "@cess/std/semaphore";
import type { Application } from "./application.ts";
import { BodyPool } from "./body-pool.ts";
import { assertBodyIs, type Candidates } from "./candidates.ts";
import type { ChainStore, JournalEntry } from "./chain-store.ts";
import { type Height, heightAfterHead } from "./height.ts";
import { LastCommit } from "./last-commit.ts";
import type { MachineHostEvents } from "./machine-host-events.ts";
import type { Body, CommitRecord, CommittedBlock } from "./messages.ts";
import { Pace } from "./pace.ts";
import { makeProposal } from "./proposing.ts";
import type { SeatSigner } from "./seat-signer.ts";
import type { VerificationCache } from "./verification-cache.ts";

export interface MachineHostDeps {
  readonly application: Application;
  readonly store: ChainStore;
  readonly candidates: Candidates;
  readonly verifications: VerificationCache;
  /** Undefined for a node that only follows. */
  readonly signer: SeatSigner | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MachineHostOptions {
  readonly chainId: string;
  readonly blockMs: number;
  readonly timeouts: TimeoutConfig;
}

type Effects<Kind extends Effect["kind"]> = Extract<Effect, { kind: Kind }>;
type Decision = Effects<"decide">;

/** Tasks that wait for the machine; more are dropped, as if the network had lost them. */
const TASKS_MAX = 4096;

export class MachineHost {
  readonly #deps: MachineHostDeps;
  readonly #options: MachineHostOptions;
  readonly #events: MachineHostEvents;
  readonly #turn = new Semaphore(1);
  readonly #bodies = new BodyPool();
  #machine: Tendermint;
  #height: Height | undefined;
  #lastCommit = new LastCommit(0, undefined);
  #isRunning = false;
  #isFirstHeight = true;
  readonly #pace: Pace;
  /** Not yet stepped. */
  readonly #inputs: Input[] = [];
  /** Stepped, but not yet on disk. */
  #entries: JournalEntry[] = [];
  /** Signed, but not yet sent. */
  #outbox: (() => void)[] = [];
  #decision: Decision | undefined;

  constructor(deps: MachineHostDeps, options: MachineHostOptions, events: MachineHostEvents) {
    this.#deps = deps;
    this.#options = options;
    this.#events = events;
    this.#pace = new Pace(deps.clock, options.blockMs);
    this.#machine = new Tendermint({ timeouts: options.timeouts });
  }

  /** Continues from the application's head and the journal. */
  async start(): Promise<void> {
    this.#isRunning = true;
    this.#isFirstHeight = true;
    this.#machine = new Tendermint({ timeouts: this.#options.timeouts });
    await this.#enter(async () => {
      const head = this.#deps.application.head();
      const certificate = this.#deps.store.commitAt(head.height)?.certificate;
      this.#lastCommit = new LastCommit(0, certificate);
      this.#pace.start();
      await this.#startHeight();
      await this.#drain();
    });
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#height?.ended.abort();
    await this.#turn.run(async () => undefined);
  }

  /** The height that is worked on; undefined before the start. */
  get height(): Height | undefined {
    return this.#isRunning ? this.#height : undefined;
  }

  get status(): TendermintStatus {
    return this.#machine.status;
  }

  get lastCommit(): LastCommit {
    return this.#lastCommit;
  }

  /** What a peer at the same height may lack. */
  messages(): readonly Message[] {
    return this.#machine.messages();
  }

  body(valueId: ValueId): Body | undefined {
    return this.#bodies.get(valueId);
  }

  /** @param vote - Verified, for the current height. */
  submitVote(vote: Vote): void {
    this.#submit(async () => {
      if (vote.height !== this.#height?.height) return;
      this.#push({ kind: "vote", vote });
      await this.#drain();
    });
  }

  /** @param proposal - Verified, for the current height, with the body that it names. */
  submitProposal(proposal: Proposal, body: Body, beacon: Uint8Array): void {
    if (proposal.height !== this.#height?.height) return;
    const { valueId, builtRound } = proposal;
    this.#pace.onProposed(valueId, this.#deps.clock.nowMs());
    // At once: whom the network tells of this proposal next will ask for its body.
    this.#keepBody(valueId, body);
    this.#submit(async () => {
      const height = this.#height;
      if (proposal.height !== height?.height) return;
      const isValid = await this.#deps.candidates.isValid(height, body, { builtRound, beacon });
      if (!this.#isRunning) return;
      this.#push({ kind: "proposal", proposal, body, isValid });
      await this.#drain();
    });
  }

  /**
   * Appends a block that others committed.
   *
   * @throws CodedError `BLOCK_REFUSED`, `BLOCK_INVALID`, ConsensusError if it is not the next one.
   */
  async appendCommitted(block: CommittedBlock): Promise<void> {
    await this.#turn.run(async () => {
      const height = this.#height;
      const { certificate, builtRound, vrfProof } = block.commit;
      if (!this.#isRunning || certificate.height !== height?.height) return;
      const { verifications, candidates } = this.#deps;
      verifications.verifyCertificate(height, certificate);
      const built = { height: height.height, builtRound, vrfProof };
      const beacon = verifications.verifyBeaconProof(height.context, built);
      assertBodyIs(certificate.valueId, block.body);
      await candidates.execute(height, block.body, { builtRound, beacon });
      await this.#orHalt(async () => {
        await this.#commit(block, new LastCommit(height.committee.seats.length, certificate));
        await this.#drain();
      });
    });
  }

  /**
   * Takes the commit of the head from a peer, where this node has none.
   *
   * @throws ConsensusError `CERTIFICATE_INVALID`
   */
  async adoptCommit(commit: CommitRecord): Promise<void> {
    await this.#turn.run(async () => {
      const { certificate } = commit;
      const height = this.#height;
      if (!this.#isRunning || height?.parentCommittee === undefined) return;
      const { parent, parentCommittee, chainId } = height;
      if (certificate.height !== parent.height || certificate.valueId !== parent.hash) return;
      const context = { chainId, committee: parentCommittee };
      this.#deps.verifications.verifyCertificate(context, certificate);
      await this.#deps.store.putCommit(commit, undefined);
      this.#lastCommit = new LastCommit(parentCommittee.seats.length, certificate);
    });
  }

  #submit(task: () => Promise<void>): void {
    if (this.#turn.waitingCount < TASKS_MAX) void this.#enter(task);
  }

  async #enter(task: () => Promise<void>): Promise<void> {
    await this.#turn.run(async () => {
      if (this.#isRunning) await this.#orHalt(task);
    });
  }

  async #orHalt(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (cause) {
      this.#isRunning = false;
      this.#height?.ended.abort();
      this.#deps.log.error("consensus halted", { cause });
      this.#events.fatal(cause);
    }
  }

  async #startHeight(): Promise<void> {
    const { application, signer, store } = this.#deps;
    const { chainId } = this.#options;
    const height = await heightAfterHead(application, {
      chainId,
      account: signer?.account,
      previous: this.#height,
    });
    this.#height = height;
    this.#bodies.clear();
    this.#entries = [];
    const effects = this.#machine.step({
      kind: "startHeight",
      height: height.height,
      seatCount: height.committee.seats.length,
      self: height.self,
      beacon: bytesToHex(height.parent.beacon),
    });
    const known = this.#isFirstHeight ? this.#replay(store.journal(height.height)) : [];
    this.#isFirstHeight = false;
    for (const effect of [...effects, ...known]) this.#perform(effect);
    this.#events.heightStarted();
  }

  /** Steps the machine through what it knew before the restart; its effects are still to be done. */
  #replay(journal: readonly JournalEntry[]): readonly Effect[] {
    const effects: Effect[] = [];
    for (const entry of journal) {
      if (entry.kind === "proposal") this.#keepBody(entry.proposal.valueId, entry.body);
      effects.push(...this.#machine.step(entry));
    }
    if (journal.length > 0) this.#deps.log.info("journal replayed", { entries: journal.length });
    return effects;
  }

  #push(entry: JournalEntry): void {
    this.#entries.push(entry);
    this.#inputs.push(entry);
  }

  /** Steps the machine until it has nothing left to do, then makes that durable and known. */
  async #drain(): Promise<void> {
    for (;;) {
      for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
        for (const effect of this.#machine.step(input)) this.#perform(effect);
      }
      await this.#flush();
      const decision = this.#decision;
      if (decision === undefined) return;
      this.#decision = undefined;
      await this.#commitDecision(decision);
    }
  }

  async #flush(): Promise<void> {
    const height = this.#height;
    assert(height !== undefined);
    const signed = this.#deps.signer?.unsaved();
    const isDue =
      signed !== undefined || (this.#decision !== undefined && this.#entries.length > 0);
    if (isDue && height.self !== undefined) {
      const entries = this.#entries;
      this.#entries = [];
      await this.#deps.store.append({ height: height.height, entries, signed });
      if (signed !== undefined) this.#deps.signer?.saved(signed);
    }
    const outbox = this.#outbox;
    this.#outbox = [];
    for (const send of outbox) send();
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "requestProposal":
        void this.#propose(effect);
        break;
      case "castVote":
        this.#castVote(effect.vote);
        break;
      case "setTimer":
        void this.#setTimer(effect);
        break;
      case "decide":
        this.#decision = effect;
        break;
      case "evidence":
        this.#events.evidence(effect.evidence);
        break;
    }
  }

  #castVote(unsigned: UnsignedVote): void {
    const vote = this.#deps.signer?.vote(unsigned);
    if (vote === undefined) return; // Signed before a restart: the journal knows, or it is lost.
    this.#push({ kind: "vote", vote });
    this.#outbox.push(() => this.#events.send({ kind: "vote", vote }, undefined));
  }

  async #setTimer({ step, height, round, afterMs }: Effects<"setTimer">): Promise<void> {
    const signal = this.#height?.ended.signal;
    const isFirstProposal = step === "propose" && round === 0;
    const waitMs = isFirstProposal ? this.#pace.waitMs() : 0;
    await this.#deps.clock.sleep(waitMs + afterMs, signal);
    if (signal?.aborted) return;
    await this.#enter(async () => {
      if (height !== this.#height?.height) return;
      this.#push({ kind: "timeout", height, round, step });
      await this.#drain();
    });
  }

  async #propose(request: Effects<"requestProposal">): Promise<void> {
    const signal = this.#height?.ended.signal;
    if (request.valid === undefined) await this.#deps.clock.sleep(this.#pace.waitMs(), signal);
    if (signal?.aborted) return;
    await this.#enter(async () => {
      const height = this.#height;
      const { round, step } = this.#machine.status;
      const isCurrent = request.height === height?.height && request.round === round;
      if (!isCurrent || step !== "propose" || height.self === undefined) return;
      const { signer, candidates, log } = this.#deps;
      assert(signer !== undefined, "only a signer has a seat");
      const startMs = this.#deps.clock.nowMs();
      const made = await makeProposal(
        { signer, candidates, bodies: this.#bodies, log },
        { height, round, valid: request.valid, lastCommit: this.#lastCommit },
      );
      if (made === undefined || !this.#isRunning) return;
      const { proposal, body } = made;
      this.#pace.onProposed(proposal.valueId, startMs);
      this.#keepBody(proposal.valueId, body);
      this.#push({ kind: "proposal", proposal, body, isValid: true });
      this.#outbox.push(() => this.#events.send({ kind: "proposal", proposal }, body));
      await this.#drain();
    });
  }

  async #commitDecision({ proposal, precommits }: Decision): Promise<void> {
    const height = this.#height;
    const body = this.#bodies.get(proposal.valueId);
    assert(height !== undefined);
    if (body === undefined) return; // Among too many others: a peer has it, sync fetches it.
    const lastCommit = LastCommit.fromPrecommits(height.committee.seats.length, precommits);
    const { certificate } = lastCommit;
    assert(certificate !== undefined);
    const { builtRound, vrfProof } = proposal;
    await this.#commit({ body, commit: { certificate, builtRound, vrfProof } }, lastCommit);
  }

  /** First why the block is final, then the block: the journal can redo the second. */
  async #commit(block: CommittedBlock, lastCommit: LastCommit): Promise<void> {
    const { application, store } = this.#deps;
    const { certificate }: CommitRecord = block.commit;
    this.#height?.ended.abort();
    // After a restart the application has forgotten what it ran but did not commit.
    const { transactionHashes } = await application.executeBlock(block.body.block);
    await store.putCommit(block.commit, block.body.parentCertificate);
    await application.commitBlock(certificate.valueId);
    this.#lastCommit = lastCommit;
    this.#pace.onCommitted(certificate.valueId);
    await this.#events.committed(application.head(), block, transactionHashes);
    if (this.#isRunning) await this.#startHeight();
  }

  #keepBody(valueId: ValueId, body: Body): void {
    const isNeeded = (known: ValueId) => {
      return this.#machine.messages().some((message) => {
        return message.kind === "proposal" && message.proposal.valueId === known;
      });
    };
    this.#bodies.add(valueId, body, isNeeded);
  }
}
