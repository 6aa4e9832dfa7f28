/**
 * A committee on a network that delays, drops and partitions, with seats that crash and come back
 * and up to a third of them under an attacker's control.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Attack } from "../byzantine/attack.ts";
import { RULES, type Rules } from "../rules.ts";
import { Checker } from "./checker.ts";
import { EventQueue } from "./event-queue.ts";
import { type Forgotten, SimNode, type World } from "./node.ts";
import { createRandom } from "./random.ts";

export interface SimOptions {
  readonly seed: number;
  readonly seatCount: number;
  readonly attack?: Attack | undefined;
  /** Broken on purpose, for all correct seats. */
  readonly rules?: Rules;
  readonly forgets?: readonly Forgotten[];
}

export interface SimResult {
  /** Of all inputs of all seats, with their times. */
  readonly traceHash: string;
  /** Heights decided while faults went on. */
  readonly faultyHeights: number;
  /** Highest round that a height needed after the network had healed. */
  readonly healedRoundMax: number;
}

const FAULT_MS = 8_000;
const HEALED_HEIGHTS = 5;
const HEALED_MS_MAX = 120_000;
/** A run of this many faulty proposers among a third has a chance of one in half a million. */
const HEALED_ROUND_MAX = 12;
const LOSS_RATIO_MAX = 0.3;
const DELAY_MS_MAX = 120;

/** Runs faults, heals, and demands progress. @throws SafetyViolation, or AssertionError */
export function simulate(options: SimOptions): SimResult {
  const cluster = new Cluster(options);
  cluster.run(FAULT_MS, () => false);
  const faultyHeights = cluster.heightMax();
  cluster.heal();
  const goal = faultyHeights + HEALED_HEIGHTS;
  cluster.run(HEALED_MS_MAX, () => cluster.heightMin() >= goal);
  assert(cluster.heightMin() >= goal, `no progress after healing: ${cluster.heights()}`);
  const healedRoundMax = cluster.roundMaxAfter(faultyHeights + 1);
  assert(healedRoundMax <= HEALED_ROUND_MAX, `${healedRoundMax} rounds after healing`);
  return { traceHash: cluster.traceHash(), faultyHeights, healedRoundMax };
}

class Cluster implements World {
  readonly seatCount: number;
  readonly random: () => number;
  readonly #events = new EventQueue();
  readonly #checker: Checker;
  readonly #trace = createHash("sha256");
  readonly #nodes: readonly SimNode[];
  readonly #correct: readonly SimNode[];
  /** Side of a partition each seat is on. */
  readonly #side: number[];
  /** Seats below this are the attacker's, who also owns the network: nothing cuts it off. */
  readonly #attackers: number;
  #isFaulty = true;
  #lossRatio = 0;

  constructor(options: SimOptions) {
    const { seatCount, seed, attack, forgets = [] } = options;
    const rules = options.rules ?? RULES;
    this.seatCount = seatCount;
    this.random = createRandom(seed);
    this.#checker = new Checker(seatCount);
    this.#side = Array<number>(seatCount).fill(0);
    this.#attackers = attack === undefined ? 0 : Math.floor((seatCount - 1) / 3);
    this.#nodes = Array.from({ length: seatCount }, (_, seat) => {
      if (seat >= this.#attackers)
        return new SimNode(this, { seat, rules, attack: undefined, forgets });
      return new SimNode(this, {
        seat,
        rules: attack?.rules ?? rules,
        attack,
        forgets: [],
      });
    });
    this.#correct = this.#nodes.slice(this.#attackers);
    for (const node of this.#nodes) node.start();
    this.#disturb();
  }

  run(forMs: number, isDone: () => boolean): void {
    this.#events.runUntil(this.#events.nowMs + forMs, isDone);
  }

  heal(): void {
    this.#isFaulty = false;
    this.#lossRatio = 0;
    this.#side.fill(0);
    for (const node of this.#nodes) if (!node.isUp) node.recover();
  }

  heights(): readonly number[] {
    return this.#correct.map((node) => node.decisions.length);
  }

  heightMin(): number {
    return Math.min(...this.heights());
  }

  heightMax(): number {
    return Math.max(...this.heights());
  }

  /** Highest round among decisions after a height that was under way when the network healed. */
  roundMaxAfter(height: number): number {
    const rounds = this.#correct.flatMap((node) => {
      return node.decisions.slice(height).map((decision) => decision.round);
    });
    return Math.max(...rounds);
  }

  traceHash(): string {
    return this.#trace.copy().digest("hex");
  }

  schedule(afterMs: number, run: () => void): void {
    this.#events.schedule(afterMs, run);
  }

  send: World["send"] = (source, target, message) => {
    this.#carry(source, target, () => this.#nodes[target]!.receive(source, message));
  };

  fetch: World["fetch"] = (source, target) => {
    this.#carry(target, source, () => {
      const peer = this.#nodes[target]!;
      const decision = this.#nodes[source]!.decisions[peer.decisions.length];
      if (decision !== undefined && this.#correct.includes(this.#nodes[source]!)) {
        this.#carry(source, target, () => peer.install(decision));
      }
    });
  };

  trace(node: number, text: string): void {
    this.#trace.update(`${this.#events.nowMs} ${node} ${text}\n`);
  }

  onSigned: World["onSigned"] = (seat, message) => this.#checker.onSigned(seat, message);

  onDecide: World["onDecide"] = (decision, votes) => this.#checker.onDecide(decision, votes);

  #carry(source: number, target: number, arrive: () => void): void {
    const isCut = this.#side[source] !== this.#side[target] || this.random() < this.#lossRatio;
    if (isCut && source >= this.#attackers && target >= this.#attackers) return;
    const delayMs = 1 + this.random() * (this.#isFaulty ? DELAY_MS_MAX : DELAY_MS_MAX / 3);
    this.schedule(delayMs, () => {
      if (this.#nodes[target]!.isUp) arrive();
    });
  }

  /** Draws a fault now and then, until healed. */
  #disturb(): void {
    this.schedule(50 + this.random() * 350, () => {
      if (!this.#isFaulty) return;
      this.#drawFault();
      this.#disturb();
    });
  }

  #drawFault(): void {
    const draw = this.random();
    const victim = this.#attackers + Math.floor(this.random() * this.#correct.length);
    if (draw < 0.2) this.#side.fill(0);
    else if (draw < 0.4) this.#side.fill(0).fill(1, victim, victim + 1);
    else if (draw < 0.6) this.#partition();
    else if (draw < 0.8) this.#lossRatio = this.random() * LOSS_RATIO_MAX;
    else this.#crash(this.#nodes[victim]!);
  }

  #partition(): void {
    for (const seat of this.#side.keys()) this.#side[seat] = this.random() < 0.5 ? 0 : 1;
  }

  #crash(node: SimNode): void {
    if (!node.isUp) return;
    node.crash();
    this.schedule(this.random() * 1_500, () => {
      if (!node.isUp) node.recover();
    });
  }
}
