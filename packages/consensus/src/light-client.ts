import { equalBytes } from "@cess/std/bytes";
import type { ChainCommittee } from "./authenticate.ts";
import { type CommitCertificate, verifyCertificate } from "./certificate.ts";
import { type Committee, committeeHash } from "./committee.ts";
import { ConsensusError } from "./error.ts";
import type { ValueId } from "./votes.ts";

/** What a client reads from one header and hears beside it. */
export interface HeaderStep {
  readonly height: bigint;
  /** Hash of the header, computed by the client itself. */
  readonly valueId: ValueId;
  readonly certificate: CommitCertificate;
  /** Hash of the committee of the next height, as the header has it; 32 bytes. */
  readonly nextCommitteeHash: Uint8Array;
  readonly nextCommittee: Committee;
}

/**
 * Follows one header: from the committee trusted for its height to that of the next.
 *
 * @throws {@link ConsensusError} `CERTIFICATE_INVALID`
 */
export function followHeader(context: ChainCommittee, step: HeaderStep): ChainCommittee {
  const { certificate, height, valueId, nextCommittee, nextCommitteeHash } = step;
  if (certificate.height !== height || certificate.valueId !== valueId)
    throw invalid("other block");
  verifyCertificate(context, certificate);
  if (!equalBytes(committeeHash(nextCommittee), nextCommitteeHash)) throw invalid("next committee");
  return { chainId: context.chainId, committee: nextCommittee };
}

function invalid(reason: string): ConsensusError {
  return new ConsensusError({ code: "CERTIFICATE_INVALID", reason });
}
