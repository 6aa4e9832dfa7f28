import { certificateHash } from "@cess/consensus/certificate";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import type { Application } from "./application.ts";
import { assertBlockWhole, readBlockFacts } from "./block-facts.ts";
import {
  assertBlockFits,
  assertBodyMatches,
  assertNotFromFuture,
  assertParentCertified,
  type BlockClaim,
  NO_CERTIFICATE_HASH,
} from "./block-rules.ts";
import { ChainError } from "./error.ts";
import type { Height } from "./height.ts";
import type { Body } from "./messages.ts";
import type { VerificationCache } from "./verification-cache.ts";

export interface CandidatesDeps {
  readonly application: Application;
  readonly clock: Clock;
  readonly log: Logger;
  readonly verifications: VerificationCache;
  /** Transactions for a new block, best first, within a block's limits. */
  readonly transactions: () => readonly Uint8Array[];
  /** These can never run. */
  readonly onRejected: (hashes: readonly Hex[]) => void;
}

export interface Candidate {
  readonly valueId: Hex;
  readonly body: Body;
}

/** Builds and judges the blocks that are proposed for a height. */
export class Candidates {
  readonly #deps: CandidatesDeps;

  constructor(deps: CandidatesDeps) {
    this.#deps = deps;
  }

  async build(
    beacon: Uint8Array,
    proposer: Hex,
    parentCertificate: Body["parentCertificate"],
  ): Promise<Candidate> {
    const { application, clock, transactions } = this.#deps;
    const { block, hash, rejected } = await application.buildBlock({
      timestampSeconds: BigInt(Math.floor(clock.wallMs() / 1000)),
      proposer,
      beacon,
      lastCertificateHash:
        parentCertificate === undefined ? NO_CERTIFICATE_HASH : certificateHash(parentCertificate),
      transactions: transactions(),
    });
    const useless = rejected.filter(({ mayRunLater }) => !mayRunLater);
    if (useless.length > 0) this.#deps.onRejected(useless.map((each) => each.hash));
    return { valueId: hash, body: { block, parentCertificate } };
  }

  /** Whether to prevote for a proposed block. */
  async isValid(height: Height, body: Body, claim: BlockClaim): Promise<boolean> {
    try {
      assertNotFromFuture(height, readBlockFacts(body.block), this.#deps.clock.wallMs());
      await this.execute(height, body, claim);
      return true;
    } catch (cause) {
      if (!hasCode(cause, "BLOCK_REFUSED", "BLOCK_INVALID")) throw cause;
      this.#deps.log.warn("invalid block proposed", { height: height.height, cause });
      return false;
    }
  }

  /** @throws CodedError `BLOCK_REFUSED`, `BLOCK_INVALID` if it cannot follow the head. */
  async execute(height: Height, body: Body, claim: BlockClaim): Promise<void> {
    const facts = readBlockFacts(body.block);
    assertBlockFits(height, facts, claim);
    assertBodyMatches(facts, body);
    assertParentCertified(this.#deps.verifications, height, body);
    await this.#deps.application.executeBlock(body.block);
  }
}

/**
 * Checks that `body` is what `valueId` names, parts and all, so that whoever passes a proposal on
 * cannot spoil it.
 *
 * @throws ChainError `BLOCK_REFUSED`
 */
export function assertBodyIs(valueId: Hex, body: Body): void {
  const facts = readBlockFacts(body.block);
  if (facts.hash !== valueId) throw new ChainError({ code: "BLOCK_REFUSED", reason: "hash" });
  assertBodyMatches(facts, body);
  assertBlockWhole(body.block);
}
