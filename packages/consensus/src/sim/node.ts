import assert from "node:assert/strict";
import { hexToBytes } from "@cess/std/bytes";
import type { Attack } from "../byzantine/attack.ts";
import { proposerOf } from "../proposer.ts";
import type { Rules } from "../rules.ts";
import { maySign, type SignRecord, signRecordOfProposal, signRecordOfVote } from "../sign-guard.ts";
import { type Effect, type Input, Tendermint } from "../tendermint.ts";
import type { Message, Proposal, UnsignedVote, ValueId, Vote } from "../votes.ts";
import { type Decision, isValidValue } from "./checker.ts";

export interface World {
  readonly seatCount: number;
  random(): number;
  schedule(afterMs: number, run: () => void): void;
  send(source: number, target: number, message: Message): void;
  /** Asks `source` for what was decided at a height, as block sync would. */
  fetch(source: number, target: number): void;
  trace(node: number, text: string): void;
  onSigned(seat: number, message: Message): void;
  onDecide(decision: Decision, precommits: readonly Vote[]): void;
}

/** What a restart loses, broken on purpose: the log of inputs, the record of what was signed. */
export type Forgotten = "log" | "guard";

export interface NodeOptions {
  readonly seat: number;
  readonly rules: Rules;
  readonly attack: Attack | undefined;
  readonly forgets: readonly Forgotten[];
}

const CHAIN_ID = "sim";
const TIMEOUTS = { proposeMs: 300, prevoteMs: 100, precommitMs: 100, perRoundMs: 50 };
const COMMIT_MS = 50;
const REPEAT_MS = 150;
const SIGNATURE = new Uint8Array(96);
const VRF_PROOF = new Uint8Array(80);
const GENESIS_BEACON: ValueId = `0x${"07".repeat(32)}`;

/** A host around the machine: log of inputs, sign guard, timers, gossip, block sync. */
export class SimNode {
  readonly decisions: Decision[] = [];
  isUp = true;
  readonly #world: World;
  readonly #options: NodeOptions;
  #machine: Tendermint;
  #signed: SignRecord | undefined;
  /** Inputs of this height; the first `#durableCount` of them survive a crash. */
  #log: Input[] = [];
  #durableCount = 0;
  readonly #inbox: Input[] = [];
  /** Counts restarts: what was scheduled before a crash must not run after it. */
  #life = 0;

  constructor(world: World, options: NodeOptions) {
    this.#world = world;
    this.#options = options;
    this.#machine = this.#createMachine();
  }

  start(): void {
    this.#beginHeight();
    this.#repeat();
  }

  crash(): void {
    this.isUp = false;
    this.#life += 1;
    const { forgets } = this.#options;
    this.#log.length = forgets.includes("log") ? 0 : this.#durableCount;
    if (forgets.includes("guard")) this.#signed = undefined;
  }

  recover(): void {
    this.isUp = true;
    this.#machine = this.#createMachine();
    const effects = this.#log.flatMap((input) => this.#machine.step(input));
    if (effects.length === 0) this.#beginHeight();
    for (const effect of effects) this.#perform(effect);
    this.#repeat();
  }

  receive(source: number, message: Message): void {
    const { height, round, seat } = message.kind === "vote" ? message.vote : message.proposal;
    if (height > this.#nextHeight) this.#world.fetch(source, this.#options.seat);
    if (height !== this.#machine.status.height) return;
    if (message.kind === "vote") {
      this.#step(message);
    } else if (seat === this.#proposerOf(height, round)) {
      this.#step({ ...message, isValid: isValidValue(message.proposal.valueId) });
    }
  }

  /** Takes over what a peer knows to be decided. */
  install(decision: Decision): void {
    if (decision.height === this.#nextHeight) this.#finish(decision, 0);
  }

  get #nextHeight(): bigint {
    return BigInt(this.decisions.length) + 1n;
  }

  #createMachine(): Tendermint {
    return new Tendermint({ timeouts: TIMEOUTS, rules: this.#options.rules });
  }

  #proposerOf(height: bigint, round: number): number {
    const beacon = hexToBytes(this.decisions.at(-1)?.valueId ?? GENESIS_BEACON);
    return proposerOf({ beacon, height, round, seatCount: this.#world.seatCount });
  }

  #beginHeight(): void {
    const beacon = this.decisions.at(-1)?.valueId ?? GENESIS_BEACON;
    const { seatCount } = this.#world;
    const self = this.#options.seat;
    this.#step({ kind: "startHeight", height: this.#nextHeight, seatCount, self, beacon });
  }

  /** Inputs wait in line: all effects of one are carried out before the next. */
  #step(first: Input): void {
    this.#inbox.push(first);
    if (this.#inbox.length > 1) return;
    for (let input = this.#inbox[0]; input !== undefined; input = this.#inbox[0]) {
      const isStart = input.kind === "startHeight";
      if (isStart || this.#machine.status.height === this.#nextHeight) {
        this.#log.push(input);
        this.#world.trace(this.#options.seat, describe(input));
        for (const effect of this.#machine.step(input)) this.#perform(effect);
      }
      this.#inbox.shift();
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "requestProposal":
        this.#later(20, () => this.#propose(effect.height, effect.round, effect.valid));
        break;
      case "castVote":
        this.#vote(effect.vote);
        break;
      case "setTimer": {
        const { step, height, round } = effect;
        this.#later(effect.afterMs, () => this.#step({ kind: "timeout", step, height, round }));
        break;
      }
      case "decide": {
        const { height, round, valueId } = effect.proposal;
        assert.equal(height, this.#nextHeight);
        const decision = { height, round, valueId };
        if (this.#options.attack === undefined) this.#world.onDecide(decision, effect.precommits);
        this.#finish(decision, COMMIT_MS);
        break;
      }
      case "evidence":
        this.#world.trace(this.#options.seat, `evidence ${effect.evidence.first.seat}`);
        break;
    }
  }

  #propose(
    height: bigint,
    round: number,
    valid: { readonly round: number; readonly proposal: Proposal } | undefined,
  ): void {
    if (height !== this.#machine.status.height) return;
    const { seat } = this.#options;
    const salt = Math.floor(this.#world.random() * 2 ** 32);
    const built = [height, round, seat, salt].map((part) => part.toString(16).padStart(14, "0"));
    const proposal = {
      height,
      round,
      validRound: valid?.round,
      builtRound: valid?.proposal.builtRound ?? round,
      valueId: valid?.proposal.valueId ?? (`0x01${built.join("")}000000` as const),
      seat,
      vrfProof: VRF_PROOF,
      signature: SIGNATURE,
    };
    if (!this.#admit(signRecordOfProposal(CHAIN_ID, proposal))) return;
    this.#publish({ kind: "proposal", proposal });
    this.#step({ kind: "proposal", proposal, isValid: true });
  }

  #vote(unsigned: UnsignedVote): void {
    if (!this.#admit(signRecordOfVote(CHAIN_ID, unsigned))) return;
    const vote = { ...unsigned, signature: SIGNATURE };
    this.#publish({ kind: "vote", vote });
    this.#step({ kind: "vote", vote });
  }

  /** Makes all that led here durable, then the record itself. */
  #admit(record: SignRecord): boolean {
    if (!maySign(this.#signed, record)) return false;
    this.#durableCount = this.#log.length;
    this.#signed = record;
    return true;
  }

  #publish(message: Message): void {
    const { attack, seat } = this.#options;
    if (attack === undefined) this.#world.onSigned(seat, message);
    for (let target = 0; target < this.#world.seatCount; target += 1) {
      if (target === seat) continue;
      for (const sent of attack?.corrupt(message, target) ?? [message]) {
        assert.equal((sent.kind === "vote" ? sent.vote : sent.proposal).seat, seat, "unforgeable");
        this.#world.send(seat, target, sent);
      }
    }
  }

  #finish(decision: Decision, afterMs: number): void {
    this.decisions.push(decision);
    this.#log = [];
    this.#durableCount = 0;
    const { height } = decision;
    this.#later(afterMs, () => {
      if (height === BigInt(this.decisions.length)) this.#beginHeight();
    });
  }

  /** Gossip: now and then, all that this node knows goes to one other. */
  #repeat(): void {
    const { seatCount } = this.#world;
    this.#later(REPEAT_MS * (0.5 + this.#world.random()), () => {
      const { seat, attack } = this.#options;
      const target = (seat + 1 + Math.floor(this.#world.random() * (seatCount - 1))) % seatCount;
      const messages = attack === undefined ? this.#machine.messages() : [];
      for (const message of messages) this.#world.send(seat, target, message);
      this.#repeat();
    });
  }

  #later(afterMs: number, run: () => void): void {
    const life = this.#life;
    this.#world.schedule(afterMs, () => {
      if (life === this.#life) run();
    });
  }
}

function describe(input: Input): string {
  switch (input.kind) {
    case "startHeight":
      return `start ${input.height}`;
    case "timeout":
      return `timeout ${input.step} ${input.height} ${input.round}`;
    case "vote": {
      const { kind, height, round, seat, valueId } = input.vote;
      return `${kind} ${height} ${round} ${seat} ${valueId}`;
    }
    case "proposal": {
      const { height, round, validRound, valueId } = input.proposal;
      return `proposal ${height} ${round} ${validRound} ${valueId}`;
    }
  }
}
