/**
 * A network in memory, for tests: accounts with real keys and signatures, one territory, and a
 * proof verifier whose proofs are hashes of exactly what they answer.
 * @module
 */
import { createHash } from "node:crypto";
import { aggregateBLS, createBLSKeyPair, provePossession, signBLS } from "@cess/crypto/bls";
import { privateKeyToAddressHex, signDigest } from "@cess/crypto/secp256k1";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { type ChainSpec, DEV } from "@cess/params/chain-spec";
import { columnCount, profileById } from "@cess/params/profile";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { CESS, GIB, MIB } from "@cess/std/units";
import type { ContractFunctionArgs } from "viem";
import { auditAbi } from "../abi/audit.ts";
import { filesAbi } from "../abi/files.ts";
import { gatewaysAbi } from "../abi/gateways.ts";
import { minersAbi } from "../abi/miners.ts";
import { paramsAbi } from "../abi/params.ts";
import { stakingAbi } from "../abi/staking.ts";
import { teeAbi } from "../abi/tee.ts";
import { territoryAbi } from "../abi/territory.ts";
import { createTestAttestation } from "../attestation.ts";
import { receiptMessage, tagReportDigest, ZERO_ADDRESS } from "../messages.ts";
import { createModules } from "../modules.ts";
import type { ProofClaim, ProofVerifier, Sample } from "../proof-verifier.ts";
import { CHALLENGE_STATE, SEGMENT_ALL, TEE_ROLE } from "../states.ts";
import { MemoryChain, type ModuleAt, moduleAt } from "./memory-host.ts";

export const AUDIT: ModuleAt<typeof auditAbi> = moduleAt("audit", auditAbi);
export const FILES: ModuleAt<typeof filesAbi> = moduleAt("files", filesAbi);
export const GATEWAYS: ModuleAt<typeof gatewaysAbi> = moduleAt("gateways", gatewaysAbi);
export const MINERS: ModuleAt<typeof minersAbi> = moduleAt("miners", minersAbi);
export const PARAMS: ModuleAt<typeof paramsAbi> = moduleAt("params", paramsAbi);
export const STAKING: ModuleAt<typeof stakingAbi> = moduleAt("staking", stakingAbi);
export const TEE: ModuleAt<typeof teeAbi> = moduleAt("tee", teeAbi);
export const TERRITORY: ModuleAt<typeof territoryAbi> = moduleAt("territory", territoryAbi);

export type Declaration = ContractFunctionArgs<typeof filesAbi, "nonpayable", "declare">[0][number];
export type TagReport = ContractFunctionArgs<typeof filesAbi, "nonpayable", "reportTags">[0];
type Item = TagReport["items"][number];

export interface Actor {
  readonly key: Uint8Array;
  readonly account: Hex;
}

export interface MinerActor extends Actor {
  readonly bls: { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };
}

export interface TEEActor extends Actor {
  readonly signer: Actor;
  readonly tagKey: Uint8Array;
  readonly tagKeyHash: Uint8Array;
}

export const FUNDS: bigint = 10_000_000n * CESS;
export const STANDARD = 0;

/** Accepts a proof that {@link answerTo} gives for the very same claim. */
export const testVerifier: ProofVerifier = {
  isTagKey: (tagKey) => tagKey[0] !== 0,
  check: (claim) => bytesToHex(claim.proof) === bytesToHex(answerTo(claim)),
};

export function answerTo(claim: Omit<ProofClaim, "proof">): Uint8Array {
  const names = claim.samples.map((sample) => JSON.stringify(sample));
  const hash = createHash("sha512").update(claim.tagKey).update(claim.seed).update(names.join());
  const half = new Uint8Array(hash.digest());
  return concatBytes(half, half);
}

export function actor(name: string): Actor {
  const key = seedOf(name);
  return { key, account: privateKeyToAddressHex(key) };
}

export function minerActor(index: number): MinerActor {
  return { ...actor(`miner ${index}`), bls: createBLSKeyPair(seedOf(`bls ${index}`)) };
}

export function teeActor(index: number): TEEActor {
  const tagKey = new Uint8Array(192).fill(index + 1);
  const tagKeyHash = seedOf(`tag key ${index}`);
  return { ...actor(`tee ${index}`), signer: actor(`signer ${index}`), tagKey, tagKeyHash };
}

export function fidOf(name: string): Hex {
  return bytesToHex(seedOf(`file ${name}`));
}

export const OWNER: Actor = actor("owner");
export const GATEWAY: Actor = actor("gateway");
export const STRANGER: Actor = actor("stranger");
export const TIMELOCK: Actor = actor("timelock");
export const TEST_ROOT: Actor = actor("test root");

export interface WorldOptions {
  readonly minerCount?: number;
  readonly teeCount?: number;
  readonly spec?: Partial<ChainSpec>;
  readonly declaredBytes?: number;
  /** Instead of actors with made-up tag keys. */
  readonly tees?: readonly TEEActor[];
  readonly proofVerifier?: ProofVerifier;
}

export class World {
  readonly chain: MemoryChain;
  readonly miners: readonly MinerActor[];
  readonly tees: readonly TEEActor[];
  readonly territory: Hex;

  private constructor(chain: MemoryChain, parts: WorldParts) {
    this.chain = chain;
    this.miners = parts.miners;
    this.tees = parts.tees;
    this.territory = parts.territory;
  }

  static async create(options: WorldOptions = {}): Promise<World> {
    const { minerCount = 12, teeCount = 2, declaredBytes = 64 * GIB } = options;
    const miners = Array.from({ length: minerCount }, (_, index) => minerActor(index));
    const tees = options.tees ?? Array.from({ length: teeCount }, (_, index) => teeActor(index));
    const people = [OWNER, GATEWAY, STRANGER, TIMELOCK, ...miners, ...tees];
    const proofVerifier = options.proofVerifier ?? testVerifier;
    const chain = await createChain(people, { ...DEV, ...options.spec }, proofVerifier);
    await chain.blocks();
    for (const miner of miners) await registerMiner(chain, miner, declaredBytes);
    for (const tee of tees) await registerTEE(chain, tee);
    const territory = await buyTerritory(chain, OWNER, "home");
    return new World(chain, { miners, tees, territory });
  }

  /** A declaration with the receipts of the first miners, or of `placement`. */
  declaration(fid: Hex, options: DeclarationOptions = {}): Declaration {
    const { sizeBytes = 10 * MIB, profile = STANDARD } = options;
    const width = columnCount(profileById(profile) as NonNullable<ReturnType<typeof profileById>>);
    const accounts = this.miners.slice(0, width).map((miner) => miner.account);
    const placement = options.placement ?? accounts;
    const territory = options.territory ?? this.territory;
    const expiryBlock = options.expiryBlock ?? this.chain.height + 100n;
    const signed = { fid, profile, territory, expiryBlock, placement };
    const signature = this.receipt({ ...signed, sizeBytes });
    return { ...signed, sizeBytes: BigInt(sizeBytes), signature };
  }

  /** Aggregate of the receipts of the placed miners. */
  receipt(of: {
    readonly fid: Hex;
    readonly sizeBytes: number;
    readonly profile: number;
    readonly territory: Hex;
    readonly expiryBlock: bigint;
    readonly placement: readonly Hex[];
  }): Hex {
    const { profile: profileId, placement, ...rest } = of;
    const { chainId } = this.chain.spec;
    const message = receiptMessage({ ...rest, chainId, profileId, placement });
    const signers = placement.filter((account) => account !== ZERO_ADDRESS);
    const signatures = signers.map((account) =>
      signBLS(message, this.miner(account).bls.secretKey),
    );
    return bytesToHex(aggregateBLS(signatures));
  }

  miner(account: Hex): MinerActor {
    const found = this.miners.find((miner) => miner.account === account);
    if (found === undefined) throw new TypeError(`no miner ${account} in this world`);
    return found;
  }

  async declare(name: string, options: DeclarationOptions = {}): Promise<Hex> {
    const fid = fidOf(name);
    const declared = this.declaration(fid, options);
    await this.chain.send(FILES, "declare", [[declared]], { from: OWNER.account });
    return fid;
  }

  report(tee: TEEActor, miner: Hex, items: readonly Item[], changed: ReportChange = {}): TagReport {
    const expiryBlock = changed.expiryBlock ?? this.chain.height + 20n;
    const { chainId } = this.chain.spec;
    const statement = { chainId, tee: tee.account, miner, expiryBlock, items };
    const signature = bytesToHex(signDigest(tagReportDigest(statement), tee.signer.key));
    return { tee: tee.account, miner, expiryBlock, items: [...items], signature };
  }

  /** Has all placed columns of a file tagged, by the first worker unless another is named. */
  async tag(fid: Hex, tee: TEEActor = this.tees[0] as TEEActor): Promise<void> {
    const { holdings } = await this.chain.view(FILES, "fileOf", [fid]);
    for (const [column, { miner, tee: taggedBy }] of holdings.entries()) {
      const account = miner.toLowerCase() as Hex;
      if (account === ZERO_ADDRESS || taggedBy !== ZERO_ADDRESS) continue;
      const report = this.report(tee, account, [{ fid, segment: SEGMENT_ALL, column }]);
      await this.chain.send(FILES, "reportTags", [report], { from: account });
    }
  }

  /** The proofs that an honest miner gives. */
  async answers(id: bigint): Promise<{ readonly tee: Hex; readonly proof: Hex }[]> {
    const { seed } = await this.chain.view(AUDIT, "challengeOf", [id]);
    const drawn = await this.chain.view(AUDIT, "samplesOf", [id]);
    const samples = drawn.map((sample) => ({ ...sample, tee: sample.tee.toLowerCase() as Hex }));
    const byTEE = Map.groupBy(samples as Sample[], (sample) => sample.tee);
    return [...byTEE].map(([account, own]) => {
      const { tagKey, tagKeyHash } = this.tees.find((tee) => tee.account === account) as TEEActor;
      const claim = { tagKey, tagKeyHash, seed: hexToBytes(seed), samples: own };
      return { tee: account, proof: bytesToHex(answerTo(claim)) };
    });
  }

  async prove(id: bigint): Promise<void> {
    const { miner } = await this.chain.view(AUDIT, "challengeOf", [id]);
    await this.chain.send(AUDIT, "submitProof", [id, await this.answers(id)], { from: miner });
  }

  async verdict(id: bigint, passed: boolean): Promise<void> {
    const { verifier } = await this.chain.view(AUDIT, "challengeOf", [id]);
    await this.chain.send(AUDIT, "submitVerdict", [id, passed], { from: verifier });
  }

  async proveAllBut(miner: Hex): Promise<void> {
    for (const { account } of this.miners) {
      if (account === miner) continue;
      for (const id of await this.chain.view(AUDIT, "openChallengeOf", [account])) {
        const { state } = await this.chain.view(AUDIT, "challengeOf", [id]);
        if (state === CHALLENGE_STATE.open) await this.prove(id);
      }
    }
  }

  /** Runs blocks until a miner has an open challenge; the others prove meanwhile. */
  async untilChallenged(miner: Hex, blocksMax = 2000): Promise<bigint> {
    for (let run = 0; run < blocksMax; run += 1) {
      const [id] = await this.chain.view(AUDIT, "openChallengeOf", [miner]);
      if (id !== undefined) return id;
      await this.chain.blocks();
      await this.proveAllBut(miner);
    }
    throw new RangeError(`${miner} was not challenged in ${blocksMax} blocks`);
  }
}

export interface DeclarationOptions {
  readonly sizeBytes?: number;
  readonly profile?: number;
  readonly placement?: readonly Hex[];
  readonly territory?: Hex;
  readonly expiryBlock?: bigint;
}

interface ReportChange {
  readonly expiryBlock?: bigint;
}

interface WorldParts {
  readonly miners: readonly MinerActor[];
  readonly tees: readonly TEEActor[];
  readonly territory: Hex;
}

function createChain(
  people: readonly Actor[],
  spec: ChainSpec,
  proofVerifier: ProofVerifier,
): Promise<MemoryChain> {
  const validator = actor("validator");
  const keys = createBLSKeyPair(seedOf("validator bls"));
  const alloc = [...people, validator].map(({ account }) => {
    return { address: account, balanceWei: FUNDS };
  });
  return MemoryChain.create({
    modules: createModules({ proofVerifier }),
    spec,
    genesis: {
      spec: "dev",
      timestampSeconds: 0n,
      alloc,
      validators: [
        {
          account: validator.account,
          blsPublicKey: keys.publicKey,
          blsProof: provePossession(keys.secretKey),
          vrfPublicKey: vrfPublicKeyOf(seedOf("vrf")),
          bondedWei: spec.validatorBondWei,
        },
      ],
      timelock: TIMELOCK.account,
      testAttestationRoot: TEST_ROOT.account,
    },
  });
}

export async function registerMiner(
  chain: MemoryChain,
  miner: MinerActor,
  declaredBytes: number,
): Promise<void> {
  const value = await chain.view(MINERS, "stakeFor", [BigInt(declaredBytes)]);
  const { publicKey, secretKey } = miner.bls;
  const proof = bytesToHex(provePossession(secretKey));
  const endpoint = "http://127.0.0.1:1";
  const args = [bytesToHex(publicKey), proof, endpoint, "EU", BigInt(declaredBytes)] as const;
  await chain.send(MINERS, "register", args, { from: miner.account, value });
}

export async function registerTEE(
  chain: MemoryChain,
  tee: TEEActor,
  role: number = TEE_ROLE.full,
): Promise<void> {
  const keys = {
    account: tee.account,
    reportSigner: tee.signer.account,
    tagKeyHash: bytesToHex(tee.tagKeyHash),
    tagKey: bytesToHex(tee.tagKey),
  };
  const attestation = createTestAttestation(TEST_ROOT.key, keys, chain.spec.chainId);
  const value = await chain.view(PARAMS, "parameterOf", ["teeBondWei"]);
  const endpoint = "http://127.0.0.1:2";
  const { reportSigner, tagKeyHash, tagKey } = keys;
  const args = [endpoint, reportSigner, tagKeyHash, tagKey, role, bytesToHex(attestation)] as const;
  await chain.send(TEE, "register", args, { from: tee.account, value });
}

export async function buyTerritory(
  chain: MemoryChain,
  owner: Actor,
  name: string,
  sizeBytes: number = 16 * GIB,
): Promise<Hex> {
  const duration = BigInt(chain.spec.eraBlocks * 1000);
  const size = BigInt(sizeBytes);
  const value = await chain.view(TERRITORY, "priceOf", [size, duration]);
  return chain.send(TERRITORY, "buy", [name, size, duration], { from: owner.account, value });
}

function seedOf(name: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(name).digest());
}
