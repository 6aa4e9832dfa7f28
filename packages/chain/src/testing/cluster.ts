/**
 * Several chain nodes in one process, on the real executor, for tests and benchmarks.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blsPublicKeyOf, provePossession } from "@cess/crypto/bls";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { type Executor, openExecutor } from "@cess/execution/executor";
import { type Delivery, MemoryHub } from "@cess/network/memory/hub";
import type { Network } from "@cess/network/network";
import { DEV } from "@cess/params/chain-spec";
import { createModuleSet, type Genesis } from "@cess/protocol/module";
import { params } from "@cess/protocol/modules/params";
import { staking } from "@cess/protocol/modules/staking";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { type ChainNode, type ChainNodeDeps, createChainNode } from "../chain-node.ts";
import type { ValidatorKeys } from "../seat-signer.ts";
import { VerificationCache } from "../verification-cache.ts";

export const CHAIN_ID: number = DEV.chainId;
const BOND_WEI = DEV.validatorBondWei;
const GENESIS_SECONDS = 1_700_000_000n;

/** Holds the tokens of the test chain. */
export const rich: PrivateKeyAccount = privateKeyToAccount(`0x${"a1".repeat(32)}`);

export interface RunningNode {
  readonly node: ChainNode;
  readonly executor: Executor;
  readonly fatal: unknown[];
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly validatorCount: number;
  readonly blockMs: number;
  /** Undefined loses a message. */
  readonly latencyMs?: (delivery: Delivery) => number | undefined;
}

export interface StartOptions {
  readonly network?: Network;
  readonly openStore?: ChainNodeDeps["openStore"];
  /** Runs without keys. */
  readonly isFollower?: boolean;
}

export function validatorKeys(index: number): ValidatorKeys {
  const secret = (name: string) => {
    return new Uint8Array(createHash("sha256").update(`${name} ${index}`).digest());
  };
  const blsSecretKey = secret("bls");
  blsSecretKey[0] = 1; // Below the group order.
  const account = bytesToHex(secret("account").slice(0, 20));
  return { account, blsSecretKey, vrfSecretKey: secret("vrf") };
}

export function genesisOf(validatorCount: number): Genesis {
  const validators = Array.from({ length: validatorCount }, (_, index) => {
    const { account, blsSecretKey, vrfSecretKey } = validatorKeys(index);
    return {
      account,
      blsPublicKey: blsPublicKeyOf(blsSecretKey),
      blsProof: provePossession(blsSecretKey),
      vrfPublicKey: vrfPublicKeyOf(vrfSecretKey),
      bondedWei: BOND_WEI,
    };
  });
  return {
    spec: "dev",
    timestampSeconds: GENESIS_SECONDS,
    alloc: [
      { address: rich.address.toLowerCase() as Hex, balanceWei: 1_000_000n * CESS },
      ...validators.map(({ account }) => ({ address: account, balanceWei: BOND_WEI })),
    ],
    validators,
    timelock: validatorKeys(0).account,
  };
}

/** A raw transfer of one wei from {@link rich}, with a memo of `memoBytes`. */
export async function transfer(nonce: number, memoBytes = 0): Promise<Uint8Array> {
  const raw = await rich.signTransaction({
    chainId: CHAIN_ID,
    nonce,
    to: `0x${"0b".repeat(20)}`,
    value: 1n,
    gas: 21_000n + 40n * BigInt(memoBytes),
    data: bytesToHex(new Uint8Array(memoBytes).fill(1)),
    maxFeePerGas: 10n ** 11n,
    maxPriorityFeePerGas: 10n ** 9n,
  });
  return new Uint8Array(Buffer.from(raw.slice(2), "hex"));
}

export interface NodeOptions extends StartOptions {
  readonly network: Network;
  readonly index: number;
  readonly directory: string;
  readonly validatorCount: number;
  readonly blockMs: number;
  readonly verifications: VerificationCache;
}

/** One node of a test chain, not yet started. */
export async function openNode(options: NodeOptions): Promise<RunningNode> {
  const { index, directory, openStore } = options;
  const executor = await openExecutor({
    directory: join(directory, "state"),
    genesis: genesisOf(options.validatorCount),
    modules: createModuleSet([staking, params]),
  });
  const fatal: unknown[] = [];
  const node = await createChainNode(
    {
      network: options.network,
      application: executor,
      keys: options.isFollower ? undefined : validatorKeys(index),
      verifications: options.verifications,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: createPrometheusMetrics(),
      onFatal: (cause) => fatal.push(cause),
      ...(openStore === undefined ? {} : { openStore }),
    },
    {
      directory: join(directory, "chain"),
      chainId: CHAIN_ID,
      blockMs: options.blockMs,
      blockGasMax: DEV.blockGasMax,
    },
  );
  const stop = async () => {
    await node.stop();
    await executor.close();
  };
  return { node, executor, fatal, stop };
}

export class Cluster {
  readonly hub: MemoryHub;
  readonly #options: ClusterOptions;
  readonly directory: string;
  readonly #verifications = new VerificationCache();
  readonly #running = new Map<number, RunningNode>();
  readonly latency: { of: (delivery: Delivery) => number | undefined };

  static async create(options: ClusterOptions): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "cess-cluster-"));
    return new Cluster(options, directory);
  }

  private constructor(options: ClusterOptions, directory: string) {
    this.#options = options;
    this.directory = directory;
    this.latency = { of: options.latencyMs ?? (() => 1) };
    const deps = { clock: systemClock, log: silentLogger };
    this.hub = new MemoryHub(deps, { latencyMs: (delivery) => this.latency.of(delivery) });
  }

  at(index: number): RunningNode {
    const running = this.#running.get(index);
    assert(running !== undefined, `node ${index} runs`);
    return running;
  }

  get running(): readonly RunningNode[] {
    return [...this.#running.values()];
  }

  async start(index: number, start: StartOptions = {}): Promise<RunningNode> {
    const opened = await openNode({
      ...start,
      index,
      directory: join(this.directory, String(index)),
      validatorCount: this.#options.validatorCount,
      blockMs: this.#options.blockMs,
      verifications: this.#verifications,
      network: start.network ?? this.hub.createNetwork(`node ${index}`),
    });
    const running: RunningNode = {
      ...opened,
      stop: async () => {
        this.#running.delete(index);
        await opened.stop();
      },
    };
    this.#running.set(index, running);
    await running.node.start();
    return running;
  }

  async startAll(): Promise<void> {
    for (let index = 0; index < this.#options.validatorCount; index += 1) await this.start(index);
  }

  async stopAll(): Promise<void> {
    for (const running of this.running) await running.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  heights(): readonly bigint[] {
    return this.running.map(({ executor }) => executor.head().height);
  }

  /** Waits until all running nodes have `height`. */
  async untilHeight(height: bigint, withinMs: number): Promise<void> {
    await this.until(() => this.heights().every((own) => own >= height), withinMs);
  }

  async until(condition: () => boolean, withinMs: number): Promise<void> {
    const startMs = systemClock.nowMs();
    while (!condition()) {
      const elapsedMs = systemClock.nowMs() - startMs;
      const status = this.running.map(({ node }) => Object.values(node.status()).join(" "));
      assert(elapsedMs < withinMs, `waited ${withinMs} ms: ${status.join("; ")}`);
      for (const { fatal } of this.running) assert.deepEqual(fatal, []);
      await systemClock.sleep(10);
    }
  }

  /** No two nodes have different blocks at one height. */
  assertNoFork(): void {
    const least = this.heights().toSorted((left, right) => Number(left - right))[0] ?? 0n;
    for (let height = 1n; height <= least; height += 1n) {
      const hashes = new Set(this.running.map(({ executor }) => executor.summaryAt(height).hash));
      assert.equal(hashes.size, 1, `one block at height ${height}`);
    }
  }
}
