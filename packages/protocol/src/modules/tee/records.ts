import { bool, struct, text, u8 } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import { teeAbi } from "../../abi/tee.ts";
import { MODULE_ADDRESSES, TREASURY_ADDRESS } from "../../addresses.ts";
import { ENDPOINT_BYTES_MAX } from "../../checks.ts";
import { ModuleError } from "../../error.ts";
import { createEmit, type Emit } from "../../events.ts";
import type { ModuleHost } from "../../module.ts";
import { RETIRE_REASON, TEE_ROLE } from "../../states.ts";
import {
  address,
  defineIndexedSet,
  defineTable,
  hash32,
  hex,
  type IndexedSet,
  NO_GROUP,
  safe64,
  type Table,
  u256,
  unit,
} from "../../storage.ts";
import { parameter } from "../parameters.ts";

/** A TEE worker. Its record outlives its exit, for tags outlive it and are checked by its keys. */
export interface Worker {
  readonly endpoint: string;
  readonly reportSigner: Hex;
  readonly tagKeyHash: Hex;
  readonly tagKey: Hex;
  readonly role: number;
  readonly attestationKind: number;
  readonly isActive: boolean;
  readonly bondWei: bigint;
  readonly lastWorkBlock: number;
  readonly verdicts: number;
  readonly falseVerdicts: number;
  /** When the exit began; 0 before. */
  readonly exitBlock: number;
}

export const workers: Table<Hex, Worker> = defineTable(
  { module: "tee", name: "workers" },
  address,
  struct<Worker>({
    endpoint: text(ENDPOINT_BYTES_MAX),
    reportSigner: address,
    tagKeyHash: hash32,
    tagKey: hex(192),
    role: u8,
    attestationKind: u8,
    isActive: bool,
    bondWei: u256,
    lastWorkBlock: safe64,
    verdicts: safe64,
    falseVerdicts: safe64,
    exitBlock: safe64,
  }),
);
/** Active workers that give verdicts. */
export const verifiers: IndexedSet<Record<string, never>, Hex> = defineIndexedSet(
  { module: "tee", name: "verifiers" },
  unit,
  address,
);
export const emitTEE: Emit<typeof teeAbi> = createEmit("tee", teeAbi);
const PPM = 1_000_000n;

export async function requireWorker(host: ModuleHost, account: Hex): Promise<Worker> {
  const worker = await workers.get(host, account);
  if (worker === undefined) throw new ModuleError("NOT_FOUND", `no TEE worker ${account}`);
  return worker;
}

export function canTag(worker: Worker): boolean {
  return worker.isActive && worker.role !== TEE_ROLE.verifier;
}

export function canVerify(worker: Worker): boolean {
  return worker.isActive && worker.role !== TEE_ROLE.marker;
}

/** Notes that a worker did something. */
export async function noteWork(host: ModuleHost, account: Hex, verdicts: number): Promise<void> {
  const worker = await requireWorker(host, account);
  const lastWorkBlock = Number(host.height);
  const counted = { ...worker, lastWorkBlock, verdicts: worker.verdicts + verdicts };
  await workers.set(host, account, counted);
}

/** Takes a worker out of the draw; does nothing if it is out already. */
export async function retire(host: ModuleHost, account: Hex, reason: number): Promise<void> {
  const worker = await requireWorker(host, account);
  if (!worker.isActive) return;
  await workers.set(host, account, { ...worker, isActive: false });
  await verifiers.remove(host, NO_GROUP, account);
  emitTEE(host, "Retired", { worker: account, reason });
}

/** A verdict that the chain found to be false. */
export async function punishFalseVerdict(host: ModuleHost, account: Hex): Promise<void> {
  const worker = await requireWorker(host, account);
  const ppm = await parameter(host, "falseVerdictPenaltyPpm");
  const penaltyWei = (worker.bondWei * ppm) / PPM;
  const bondWei = worker.bondWei - penaltyWei;
  const falseVerdicts = worker.falseVerdicts + 1;
  await workers.set(host, account, { ...worker, bondWei, falseVerdicts });
  await host.transfer(MODULE_ADDRESSES.tee, TREASURY_ADDRESS, penaltyWei);
  await retire(host, account, RETIRE_REASON.falseVerdict);
}
