import { type CommitCertificate, createCertificate } from "@cess/consensus/certificate";
import type { Vote } from "@cess/consensus/votes";

/**
 * The commit of the head, which grows while late precommits come in: the next proposer shows all
 * that it has, so that slow seats get credit for their duty too.
 */
export class LastCommit {
  readonly #seatCount: number;
  readonly #precommits = new Map<number, Vote>();
  #certificate: CommitCertificate | undefined;
  #isComplete = true;

  /** @param certificate - Used while no precommits are known, such as after a restart. */
  constructor(seatCount: number, certificate: CommitCertificate | undefined) {
    this.#seatCount = seatCount;
    this.#certificate = certificate;
  }

  /** The commit that this node saw itself. */
  static fromPrecommits(seatCount: number, precommits: readonly Vote[]): LastCommit {
    const certificate = createCertificate(seatCount, precommits);
    const commit = new LastCommit(seatCount, certificate);
    for (const vote of precommits) commit.#precommits.set(vote.seat, vote);
    return commit;
  }

  /** True if `vote` is a precommit for the head that is not yet part of the certificate. */
  isMissing(vote: Vote): boolean {
    const certificate = this.#certificate;
    if (certificate === undefined || this.#precommits.size === 0) return false;
    const { height, round, valueId } = certificate;
    const isSame = vote.height === height && vote.round === round && vote.valueId === valueId;
    return isSame && vote.kind === "precommit" && !this.#precommits.has(vote.seat);
  }

  /** @param vote - Verified, and missing. */
  add(vote: Vote): void {
    this.#precommits.set(vote.seat, vote);
    this.#isComplete = false;
  }

  /** Undefined above the genesis block, or while this node has to learn it from others. */
  get certificate(): CommitCertificate | undefined {
    if (!this.#isComplete) {
      this.#certificate = createCertificate(this.#seatCount, [...this.#precommits.values()]);
      this.#isComplete = true;
    }
    return this.#certificate;
  }
}
