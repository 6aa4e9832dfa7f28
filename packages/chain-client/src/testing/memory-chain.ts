/**
 * A chain in memory for tests of nodes: who is registered, files, orders, challenges, and events.
 * It follows docs/spec/modules.md where nodes can tell, without money, blocks of its own, or draws:
 * a test says when a challenge opens and how it ends.
 * @module
 */
import assert from "node:assert/strict";
import { verifySameMessage } from "@cess/crypto/bls";
import { privateKeyToAddressHex, recoverAddress } from "@cess/crypto/secp256k1";
import { receiptMessage, tagReportDigest, ZERO_ADDRESS } from "@cess/protocol/messages";
import { CHALLENGE_STATE, MINER_STATE, SEGMENT_ALL } from "@cess/protocol/states";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type { ChainSender } from "../chain.ts";
import type { Gateway, Miner, Worker } from "../directory.ts";
import { ChainError } from "../error.ts";
import type { CallArgs, ChainEvent, ViewResult } from "../modules.ts";

type FileRecord = ViewResult<"files", "fileOf">;
type Order = ViewResult<"files", "orderOf">;
type Challenge = ViewResult<"audit", "challengeOf">;
type Sample = ViewResult<"audit", "samplesOf">[number];
type TEEProof = ViewResult<"audit", "proofsOf">[number];
type TagReport = CallArgs<"files", "reportTags">[0];

interface Holding {
  miner: Hex;
  tee: Hex;
  sinceBlock: bigint;
}

interface StoredFile extends Omit<FileRecord, "holdings" | "overrides"> {
  readonly holdings: Holding[];
  readonly overrides: (Holding & { readonly segment: number; readonly column: number })[];
}

interface StoredChallenge {
  record: Challenge;
  readonly samples: readonly Sample[];
  proofs: readonly TEEProof[];
  verdict: boolean | undefined;
}

interface Call {
  readonly caller: Hex;
  readonly module: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

export class MemoryChain {
  readonly chainId: number;
  height = 1;
  readonly miners: Map<Hex, Miner> = new Map();
  readonly workers: Map<Hex, Worker> = new Map();
  readonly gateways: Map<Hex, Gateway> = new Map();
  readonly files: Map<Hex, StoredFile> = new Map();
  readonly orders: Map<string, Order> = new Map();
  readonly challenges: Map<bigint, StoredChallenge> = new Map();
  readonly calls: Call[] = [];
  readonly #events: ChainEvent[] = [];

  constructor(chainId: number) {
    this.chainId = chainId;
  }

  /** The chain as the account of `privateKey` sees and calls it. */
  senderOf(privateKey: Uint8Array): ChainSender {
    const account = privateKeyToAddressHex(privateKey);
    const sender = {
      chainId: this.chainId,
      account,
      height: async () => this.height,
      balanceOf: async () => 10n ** 30n,
      read: async (module: string, name: string, args: readonly unknown[]) =>
        this.#view(`${module}.${name}`, args),
      events: async (range: { fromBlock: number; toBlock: number }) =>
        this.#events.filter(({ height }) => height >= range.fromBlock && height <= range.toBlock),
      send: async (module: string, name: string, args: readonly unknown[]) => {
        this.#call(account, `${module}.${name}`, args);
        this.calls.push({ caller: account, module, name, args });
        this.height += 1;
        return {
          transactionHash: bytesToHex(new Uint8Array(32)),
          height: this.height,
          gasUsed: 0n,
        };
      },
      transfer: async () => assert.fail("no money here"),
    };
    return sender as unknown as ChainSender;
  }

  registerGateway(account: Hex): void {
    this.gateways.set(account, { account, endpoint: "http://127.0.0.1:1", region: "" });
  }

  callsOf(name: string): readonly Call[] {
    return this.calls.filter((call) => call.name === name);
  }

  /** Opens a challenge to `miner` over `samples`, judged by `verifier`. */
  openChallenge(miner: Hex, verifier: Hex, samples: readonly Sample[]): bigint {
    const id = BigInt(this.challenges.size + 1);
    const seed = bytesToHex(new Uint8Array(32).fill(Number(id)));
    const deadlines = { proofDeadline: 10_000n, verdictDeadline: 20_000n };
    const places = { openedBlock: BigInt(this.height), sampleCount: samples.length };
    const states = { purpose: 0, state: CHALLENGE_STATE.open };
    const record = { id, miner, verifier, seed, ...states, ...places, ...deadlines };
    this.challenges.set(id, { record, samples, proofs: [], verdict: undefined });
    this.#emit("audit", "ChallengeOpened", { id, miner, verifier, seed, purpose: 0, ...deadlines });
    return id;
  }

  close(fid: Hex): void {
    this.files.delete(fid);
    this.#emit("files", "Closed", { fid });
  }

  openOrder(place: { fid: Hex; segment: number; column: number }, origin: Hex): void {
    const { fid, segment, column } = place;
    const times = { openedBlock: BigInt(this.height), deadlineBlock: 0n, challengeId: 0n };
    this.orders.set(orderKey(fid, segment, column), {
      ...{ fid, segment, column, origin, claimant: ZERO_ADDRESS },
      ...times,
    });
    this.#emit("files", "OrderOpened", { fid, segment, column, origin });
  }

  #view(name: string, args: readonly unknown[]): unknown {
    const [key] = args as [never];
    switch (name) {
      case "miners.listMiners":
        return page(this.miners, args);
      case "tee.listWorkers":
        return page(this.workers, args);
      case "gateways.listGateways":
        return page(this.gateways, args);
      case "files.listOrders":
        return page(this.orders, args);
      case "miners.minerOf":
        return found(this.miners.get(key));
      case "tee.workerOf":
        return found(this.workers.get(key));
      case "miners.stakeFor":
      case "params.parameterOf":
        return 1n;
      case "files.hasFile":
        return this.files.has(key);
      case "files.fileOf":
        return structuredClone(found(this.files.get(key)));
      case "files.orderOf":
        return found(this.orders.get(orderKey(...(args as [Hex, number, number]))));
      case "audit.challengeOf":
        return found(this.challenges.get(key)).record;
      case "audit.samplesOf":
        return found(this.challenges.get(key)).samples;
      case "audit.proofsOf":
        return found(this.challenges.get(key)).proofs;
      case "audit.openChallengeOf":
        return [...this.challenges.values()]
          .filter(({ record }) => record.miner === key && record.state === CHALLENGE_STATE.open)
          .map(({ record }) => record.id);
      default:
        return assert.fail(`no view ${name}`);
    }
  }

  #call(caller: Hex, name: string, args: readonly unknown[]): unknown {
    switch (name) {
      case "miners.register":
        return this.#registerMiner(caller, args as CallArgs<"miners", "register">);
      case "miners.update": {
        const [endpoint, region] = args as CallArgs<"miners", "update">;
        this.miners.set(caller, { ...found(this.miners.get(caller)), endpoint, region });
        return undefined;
      }
      case "tee.register":
        return this.#registerWorker(caller, args as CallArgs<"tee", "register">);
      case "files.declare":
        for (const each of (args as CallArgs<"files", "declare">)[0]) this.#declare(each);
        return undefined;
      case "files.reportTags":
        return this.#reportTags(args[0] as TagReport);
      case "files.reportLost":
        return this.#reportLost(caller, args as [Hex, number, number]);
      case "files.claimRestoral":
        return this.#claim(caller, args as [Hex, number, number]);
      case "files.completeRestoral":
        return this.#complete(args[0] as TagReport);
      case "audit.submitProof":
        return this.#submitProof(caller, args as [bigint, readonly TEEProof[]]);
      case "audit.submitVerdict":
        return this.#submitVerdict(caller, args as [bigint, boolean]);
      default:
        return assert.fail(`no call ${name}`);
    }
  }

  #registerMiner(account: Hex, args: CallArgs<"miners", "register">): void {
    const [blsPublicKey, , endpoint, region, declaredBytes] = args;
    const counts = { failuresInRow: 0, auditsPassed: 0n, auditsFailed: 0n, stakeWei: 1n };
    const sizes = { declaredBytes, usedBytes: 0n, taggedBytes: 0n };
    const registeredBlock = BigInt(this.height);
    const state = MINER_STATE.active;
    const profile = { account, blsPublicKey, endpoint, region, registeredBlock, state };
    this.miners.set(account, { ...profile, ...sizes, ...counts });
  }

  #registerWorker(account: Hex, args: CallArgs<"tee", "register">): void {
    const [endpoint, reportSigner, tagKeyHash, tagKey, role] = args;
    const counts = { verdicts: 0n, falseVerdicts: 0n, lastWorkBlock: 0n };
    const keys = { endpoint, reportSigner, tagKeyHash, tagKey };
    this.workers.set(account, {
      ...{ account, role, attestationKind: 0, isActive: true },
      ...keys,
      ...counts,
    });
  }

  #declare(declaration: CallArgs<"files", "declare">[0][number]): void {
    const { fid, sizeBytes, profile, territory, placement, signature } = declaration;
    const message = receiptMessage({
      chainId: this.chainId,
      fid,
      sizeBytes: Number(sizeBytes),
      profileId: profile,
      territory,
      expiryBlock: declaration.expiryBlock,
      placement,
    });
    const keys = placement
      .filter((miner) => miner !== ZERO_ADDRESS)
      .map((miner) => hexToBytes(found(this.miners.get(miner)).blsPublicKey));
    if (!verifySameMessage(message, keys, hexToBytes(signature))) refuse("SIGNATURE_INVALID");
    const declaredBlock = BigInt(this.height);
    const holdings = placement.map((miner) => ({ miner, tee: ZERO_ADDRESS, sinceBlock: 0n }));
    const rest = { declaredBlock, owners: [], holdings, overrides: [] };
    this.files.set(fid, { fid, sizeBytes, profile, ...rest });
    this.#emit("files", "Declared", { fid, territory, sizeBytes, profile, placement });
  }

  #checkReport(report: TagReport): void {
    const { tee, signature } = report;
    const digest = tagReportDigest({ ...report, chainId: this.chainId });
    const signer = bytesToHex(recoverAddress(digest, hexToBytes(signature)));
    if (signer !== found(this.workers.get(tee)).reportSigner) refuse("SIGNATURE_INVALID");
    if (report.expiryBlock < BigInt(this.height)) refuse("EXPIRED");
  }

  #reportTags(report: TagReport): void {
    this.#checkReport(report);
    const { miner, tee } = report;
    for (const { fid, segment, column } of report.items) {
      const holding = found(this.files.get(fid)).holdings[column];
      const isFree = holding?.miner === miner && holding.tee === ZERO_ADDRESS;
      if (!isFree || segment !== SEGMENT_ALL) refuse("NOT_ALLOWED");
      if (holding !== undefined) holding.tee = tee;
      this.#emit("files", "Tagged", { fid, miner, segment, column, tee });
    }
  }

  #reportLost(caller: Hex, [fid, segment, column]: [Hex, number, number]): void {
    const file = found(this.files.get(fid));
    const override = file.overrides.find((one) => one.segment === segment && one.column === column);
    if ((override ?? file.holdings[column])?.miner !== caller) refuse("NOT_ALLOWED");
    if (override !== undefined) file.overrides.splice(file.overrides.indexOf(override), 1);
    file.overrides.push({
      ...{ segment, column, miner: ZERO_ADDRESS, tee: ZERO_ADDRESS, sinceBlock: 0n },
    });
    this.openOrder({ fid, segment, column }, caller);
  }

  #claim(claimant: Hex, place: [Hex, number, number]): void {
    const order = found(this.orders.get(orderKey(...place)));
    if (order.claimant !== ZERO_ADDRESS) refuse("ALREADY_CLAIMED");
    this.orders.set(orderKey(...place), { ...order, claimant });
  }

  /** The challenge that would follow is passed at once. */
  #complete(report: TagReport): void {
    this.#checkReport(report);
    const { miner, tee } = report;
    const [{ fid, segment, column }] = report.items as [TagReport["items"][number]];
    const key = orderKey(fid, segment, column);
    if (found(this.orders.get(key)).claimant !== miner) refuse("NOT_ALLOWED");
    this.orders.delete(key);
    const { overrides, holdings } = found(this.files.get(fid));
    const holding = { miner, tee, sinceBlock: BigInt(this.height) };
    if (segment === SEGMENT_ALL) holdings[column] = holding;
    else {
      const others = overrides.filter((one) => one.segment !== segment || one.column !== column);
      overrides.splice(0, overrides.length, ...others, { ...holding, segment, column });
    }
    this.#emit("files", "Restored", { fid, segment, column, miner });
  }

  #submitProof(caller: Hex, [id, proofs]: [bigint, readonly TEEProof[]]): void {
    const challenge = found(this.challenges.get(id));
    if (challenge.record.miner !== caller) refuse("NOT_ALLOWED");
    challenge.proofs = proofs;
    challenge.record = { ...challenge.record, state: CHALLENGE_STATE.proven };
    this.#emit("audit", "ProofSubmitted", { id, miner: caller });
  }

  #submitVerdict(caller: Hex, [id, passed]: [bigint, boolean]): void {
    const challenge = found(this.challenges.get(id));
    if (challenge.record.verifier !== caller) refuse("NOT_ALLOWED");
    challenge.verdict = passed;
    const state = passed ? CHALLENGE_STATE.passed : CHALLENGE_STATE.failed;
    challenge.record = { ...challenge.record, state };
    this.#emit("audit", "VerdictGiven", { id, verifier: caller, passed });
  }

  #emit(module: string, name: string, args: object): void {
    this.height += 1;
    const transactionHash = bytesToHex(new Uint8Array(32));
    const place = { height: this.height, transactionHash, logIndex: 0 };
    this.#events.push({ module, name, args, ...place } as unknown as ChainEvent);
  }
}

function page(
  entries: ReadonlyMap<unknown, unknown>,
  [offset, count]: readonly unknown[],
): readonly [readonly unknown[], bigint] {
  const start = Number(offset);
  return [[...entries.values()].slice(start, start + Number(count)), BigInt(entries.size)];
}

function orderKey(fid: Hex, segment: number, column: number): string {
  return `${fid}/${segment}/${column}`;
}

function found<T>(value: T | undefined): T {
  return value ?? refuse("NOT_FOUND");
}

function refuse(moduleCode: string): never {
  throw new ChainError({ code: "MODULE_REFUSED", moduleCode, reason: "by the test chain" });
}
