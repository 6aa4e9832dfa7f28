import type { Hex } from "@cess/std/bytes";
import { hexToBytes } from "@cess/std/bytes";
import { teeAbi } from "../abi/tee.ts";
import { MODULE_ADDRESSES } from "../addresses.ts";
import { type AttestedKeys, attestationBinding, testAttestationDigest } from "../attestation.ts";
import { ENDPOINT_BYTES_MAX, requireBytes, requireText, signerOf } from "../checks.ts";
import { ModuleError, require } from "../error.ts";
import { ZERO_ADDRESS } from "../messages.ts";
import {
  type CallContext,
  defineModule,
  GAS,
  type Handlers,
  type ModuleDefinition,
  type ModuleHost,
} from "../module.ts";
import type { ProofVerifier } from "../proof-verifier.ts";
import { ATTESTATION_KIND, RETIRE_REASON, TEE_ROLE } from "../states.ts";
import {
  address,
  defineCell,
  defineIndexedSet,
  defineSchedule,
  NO_GROUP,
  unit,
} from "../storage.ts";
import { parameter } from "./parameters.ts";
import {
  canVerify,
  emitTEE as emit,
  requireWorker,
  retire,
  verifiers,
  type Worker,
  workers,
} from "./tee/records.ts";

const ATTESTATION_BYTES_MAX = 16_384;
/** Idle checks in one block. */
const CHECKS_PER_BLOCK = 64;

const all = defineIndexedSet({ module: "tee", name: "all" }, unit, address);
/** Each active worker has one check waiting. */
const idleChecks = defineSchedule({ module: "tee", name: "idle" }, address);
const testRoot = defineCell({ module: "tee", name: "testRoot" }, address, ZERO_ADDRESS);

export function createTEEModule(deps: { readonly proofVerifier: ProofVerifier }): ModuleDefinition {
  const calls: Handlers<typeof teeAbi> = {
    async register(context, [endpoint, reportSigner, tagKeyHash, tagKey, role, attestation]) {
      const { caller: account, value } = context;
      requireText(endpoint, ENDPOINT_BYTES_MAX, "endpoint");
      const isRole = Object.values(TEE_ROLE).some((known) => known === role);
      require(isRole, "ARGUMENT_INVALID", "no such role");
      require(reportSigner !== ZERO_ADDRESS, "ARGUMENT_INVALID", "no report signer");
      const isTagKey = deps.proofVerifier.isTagKey(requireBytes(tagKey, 192, "tag key"));
      require(isTagKey, "ARGUMENT_INVALID", "not a tag key");
      const keys = { account, reportSigner, tagKeyHash, tagKey };
      const before = await requireVacancy(context, keys);
      await requireBond(context, value);
      const attestationKind = await checkAttestation(context, keys, attestation);
      await activate(context, account, {
        endpoint,
        reportSigner,
        tagKeyHash,
        tagKey,
        role,
        attestationKind,
        isActive: true,
        bondWei: value,
        lastWorkBlock: Number(context.height),
        verdicts: before?.verdicts ?? 0,
        falseVerdicts: before?.falseVerdicts ?? 0,
        exitBlock: 0,
      });
      await all.add(context, NO_GROUP, account);
      emit(context, "Registered", { worker: account, role, attestationKind, tagKeyHash });
    },
    async resume(context) {
      const worker = await requireWorker(context, context.caller);
      const isRetired = !worker.isActive && worker.exitBlock === 0;
      require(isRetired, "STATE_WRONG", "the worker is not retired");
      await requireBond(context, worker.bondWei);
      const lastWorkBlock = Number(context.height);
      await activate(context, context.caller, { ...worker, isActive: true, lastWorkBlock });
      const { role, attestationKind, tagKeyHash } = worker;
      const event = { worker: context.caller, role, attestationKind, tagKeyHash };
      emit(context, "Registered", event);
    },
    async exit(context) {
      const { caller } = context;
      const worker = await requireWorker(context, caller);
      require(worker.exitBlock === 0, "STATE_WRONG", "the exit has begun");
      await retire(context, caller, RETIRE_REASON.exit);
      const exitBlock = Number(context.height);
      await workers.set(context, caller, { ...worker, isActive: false, exitBlock });
    },
    async withdraw(context) {
      const { caller } = context;
      const worker = await requireWorker(context, caller);
      const isOwed = worker.exitBlock > 0 && worker.bondWei > 0n;
      require(isOwed, "STATE_WRONG", "nothing to withdraw: the exit comes first");
      const freeBlock = worker.exitBlock + context.spec.unbondingBlocks;
      require(context.height >= BigInt(freeBlock), "TOO_EARLY", `not before block ${freeBlock}`);
      await workers.set(context, caller, { ...worker, bondWei: 0n });
      await all.remove(context, NO_GROUP, caller);
      await context.transfer(MODULE_ADDRESSES.tee, caller, worker.bondWei);
    },
    async workerOf(context, [account]) {
      return toView(account, await requireWorker(context, account));
    },
    async listWorkers(context, [offset, count]) {
      const found: ReturnType<typeof toView>[] = [];
      for (const account of await all.page(context, NO_GROUP, { offset, count })) {
        found.push(toView(account, await requireWorker(context, account)));
      }
      return [found, BigInt(await all.count(context, NO_GROUP))];
    },
  };
  return defineModule("tee", teeAbi, {
    calls,
    async genesis(host, genesis) {
      const root = genesis.testAttestationRoot;
      if (root !== undefined) await testRoot.set(host, root);
    },
    async beginBlock(host) {
      for (const account of await idleChecks.takeDue(host, CHECKS_PER_BLOCK)) {
        await checkIdle(host, account);
      }
    },
  });
}

/** An account that has withdrawn may return, with the tag key that its old tags need. */
async function requireVacancy(
  context: CallContext,
  keys: AttestedKeys,
): Promise<Worker | undefined> {
  const before = await workers.get(context, keys.account);
  if (before === undefined) return undefined;
  const hasLeft = before.exitBlock > 0 && before.bondWei === 0n;
  require(hasLeft, "ALREADY_EXISTS", "the account is a worker");
  const isSameKey = before.tagKey === keys.tagKey && before.tagKeyHash === keys.tagKeyHash;
  require(isSameKey, "NOT_ALLOWED", "tags of this account were made with another key");
  return before;
}

async function requireBond(context: CallContext, bondWei: bigint): Promise<void> {
  const needed = await parameter(context, "teeBondWei");
  require(bondWei >= needed, "PAYMENT_SHORT", `the bond must be ${needed} wei`);
}

/** Kind of an attestation that holds. */
async function checkAttestation(
  context: CallContext,
  keys: AttestedKeys,
  attestation: Hex,
): Promise<number> {
  const bytes = hexToBytes(attestation);
  const fits = bytes.length > 0 && bytes.length <= ATTESTATION_BYTES_MAX;
  require(fits, "ATTESTATION_INVALID", `1 to ${ATTESTATION_BYTES_MAX} bytes`);
  const kind = bytes[0];
  if (kind !== ATTESTATION_KIND.test) {
    throw new ModuleError("ATTESTATION_INVALID", "this chain cannot check that kind yet");
  }
  const isAccepted = context.spec.acceptsTestAttestation;
  require(isAccepted, "ATTESTATION_INVALID", "test attestations are for test chains");
  context.chargeGas(GAS.recoverSigner);
  const digest = testAttestationDigest(attestationBinding(keys), context.spec.chainId);
  const root = await testRoot.get(context);
  const isSigned = root !== ZERO_ADDRESS && signerOf(digest, bytes.subarray(1)) === root;
  require(isSigned, "ATTESTATION_INVALID", "not signed by the test root");
  return kind;
}

async function activate(context: CallContext, account: Hex, worker: Worker): Promise<void> {
  await workers.set(context, account, worker);
  if (canVerify(worker)) await verifiers.add(context, NO_GROUP, account);
  const checkBlock = context.height + BigInt(context.spec.teeIdleBlocks);
  await idleChecks.add(context, checkBlock, account);
}

async function checkIdle(host: ModuleHost, account: Hex): Promise<void> {
  const worker = await workers.get(host, account);
  if (worker === undefined || !worker.isActive) return;
  const idleBlock = BigInt(worker.lastWorkBlock + host.spec.teeIdleBlocks);
  if (host.height >= idleBlock) await retire(host, account, RETIRE_REASON.idle);
  else await idleChecks.add(host, idleBlock, account);
}

function toView(account: Hex, worker: Worker) {
  const { lastWorkBlock, verdicts, falseVerdicts, exitBlock: _, bondWei: __, ...facts } = worker;
  return {
    account,
    ...facts,
    lastWorkBlock: BigInt(lastWorkBlock),
    verdicts: BigInt(verdicts),
    falseVerdicts: BigInt(falseVerdicts),
  };
}
