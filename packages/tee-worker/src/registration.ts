import type { ChainReader, ChainSender } from "@cess/chain-client/chain";
import type { Worker } from "@cess/chain-client/directory";
import { isRefusal } from "@cess/chain-client/error";
import type { AttestedKeys } from "@cess/protocol/attestation";
import type { Logger } from "@cess/runtime/logger";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { TEEWorkerError } from "./error.ts";
import type { WorkerKeys } from "./sealed-keys.ts";

export interface WorkerRegistration {
  readonly endpoint: string;
  /** One of `TEE_ROLE`. */
  readonly role: number;
  readonly keys: WorkerKeys;
  /** Evidence that the keys live in an enclave: the kind, then what belongs to it. */
  readonly attest: (keys: AttestedKeys) => Promise<Uint8Array>;
}

/**
 * Registers this worker with an attestation of its keys, or resumes it.
 *
 * @throws {@link TEEWorkerError} `KEY_MISMATCH` if the account is registered with other keys.
 */
export async function ensureRegistered(
  { chain, log }: { readonly chain: ChainSender; readonly log: Logger },
  { endpoint, role, keys, attest }: WorkerRegistration,
): Promise<void> {
  const { account } = chain;
  const { reportSigner, tagKeyHash, tagVerifierKey: tagKey } = keys;
  const worker = await readWorker(chain, account);
  if (worker !== undefined && worker.tagKeyHash !== tagKeyHash) {
    const registered = worker.tagKeyHash;
    throw new TEEWorkerError({ code: "KEY_MISMATCH", registered, own: tagKeyHash });
  }
  if (worker?.isActive) {
    if (worker.endpoint !== endpoint) {
      log.warn("registered under another endpoint", { endpoint: worker.endpoint });
    }
    return;
  }
  if (worker !== undefined) {
    await chain.send("tee", "resume", []);
    log.info("resumed as a TEE worker", { account });
    return;
  }
  const attestation = bytesToHex(await attest({ reportSigner, tagKeyHash, tagKey, account }));
  const valueWei = await chain.read("params", "parameterOf", ["teeBondWei"]);
  const args = [endpoint, reportSigner, tagKeyHash, tagKey, role, attestation] as const;
  await chain.send("tee", "register", args, { valueWei });
  log.info("registered as a TEE worker", { account, endpoint, tagKeyHash });
}

async function readWorker(chain: ChainReader, account: Hex): Promise<Worker | undefined> {
  try {
    return await chain.read("tee", "workerOf", [account]);
  } catch (cause) {
    if (isRefusal(cause)) return undefined;
    throw cause;
  }
}
