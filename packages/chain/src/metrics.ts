import { signersOf } from "@cess/consensus/certificate";
import type { Metrics } from "@cess/runtime/metrics";
import type { BlockFacts } from "./application.ts";
import type { CommittedBlock } from "./messages.ts";

export interface ChainMetrics {
  onCommitted(facts: BlockFacts, block: CommittedBlock): void;
  onEvidence(): void;
}

export function createChainMetrics(metrics: Metrics): ChainMetrics {
  const height = metrics.gauge("cess_chain_height_blocks", "Height of the last final block.");
  const rounds = metrics.gauge(
    "cess_chain_commit_round_count",
    "Round that decided the last block.",
  );
  const signers = metrics.gauge(
    "cess_chain_commit_signer_count",
    "Seats that signed the last commit.",
  );
  const size = metrics.gauge("cess_chain_block_bytes", "Size of the last final block.");
  const evidence = metrics.counter("cess_chain_evidence_total", "Conflicting messages seen.");
  return {
    onCommitted({ height: number }, { body, commit }) {
      height.set(Number(number));
      rounds.set(commit.certificate.round);
      signers.set(signersOf(commit.certificate).length);
      size.set(body.block.length);
    },
    onEvidence: () => evidence.inc(),
  };
}
