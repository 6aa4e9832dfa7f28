/**
 * What a local network consists of: every node with its configuration, before anything runs.
 * @module
 */
import { join } from "node:path";
import { GIB } from "@cess/std/units";
import type { RoleConfigFile, RoleName } from "../config.ts";

export interface PlanOptions {
  /** Absolute. */
  readonly dataDir: string;
  readonly validatorCount: number;
  readonly storageCount: number;
  readonly portBase: number;
}

export interface PlannedNode {
  readonly id: string;
  readonly role: RoleName;
  /** Process that the node runs in. */
  readonly host: string;
  readonly endpoint: string;
  readonly dataDir: string;
  readonly config: RoleConfigFile;
}

/** Offsets from the port base. */
const PORTS = { gateway: 0, gatewayAdmin: 1, rpc: 10, tee: 60, storage: 100 } as const;
export const VALIDATORS_MAX: number = 50;
export const STORAGE_MAX: number = 200;
const LOOPBACK = "127.0.0.1";
/** Space that each local storage node declares; nothing is taken up before it is used. */
const DECLARED_BYTES = 64 * GIB;
/** Places that the local storage nodes claim to be in, in turn. */
const REGIONS = ["eu/de", "eu/fr", "us/east", "us/west", "ap/sg", "ap/jp"] as const;

export interface KeyPaths {
  readonly genesis: string;
  readonly owner: string;
  readonly testRoot: string;
  of(id: string, kind: "account" | "bls" | "vrf" | "network"): string;
}

export function keyPaths(dataDir: string): KeyPaths {
  const keys = join(dataDir, "keys");
  return {
    genesis: join(dataDir, "genesis.json"),
    owner: join(keys, "owner.json"),
    testRoot: join(keys, "test-attestation-root.json"),
    of: (id, kind) => join(keys, `${id}.${kind}.json`),
  };
}

/** Validators first, then what needs their RPC: the order in which nodes start. */
export function planNetwork(options: PlanOptions): PlannedNode[] {
  const { validatorCount, storageCount } = options;
  return [
    ...Array.from({ length: validatorCount }, (_, index) => planValidator(options, index)),
    planTEE(options),
    ...Array.from({ length: storageCount }, (_, index) => planStorage(options, index)),
    planGateway(options),
  ];
}

function planValidator(options: PlanOptions, index: number): PlannedNode {
  const id = `validator-${index}`;
  const port = options.portBase + PORTS.rpc + index;
  const dataDir = join(options.dataDir, id);
  const keys = keyPaths(options.dataDir);
  const config: RoleConfigFile = {
    role: "validator",
    id,
    dataDir,
    genesis: keys.genesis,
    accountKey: keys.of(id, "account"),
    blsKey: keys.of(id, "bls"),
    vrfKey: keys.of(id, "vrf"),
    networkKey: keys.of(id, "network"),
    rpc: { host: LOOPBACK, port },
    p2p: {},
  };
  return { id, role: "validator", host: "validators", endpoint: url(port), dataDir, config };
}

function planStorage(options: PlanOptions, index: number): PlannedNode {
  const id = `storage-${index}`;
  const follower = planFollower(options, id, options.portBase + PORTS.storage + index);
  const config: RoleConfigFile = {
    role: "storage",
    ...follower,
    region: REGIONS[index % REGIONS.length] ?? "",
    blsKey: keyPaths(options.dataDir).of(id, "bls"),
    declaredBytes: DECLARED_BYTES,
  };
  return { id, role: "storage", host: "storage", ...place(follower), config };
}

function planTEE(options: PlanOptions): PlannedNode {
  const id = "tee-0";
  const follower = planFollower(options, id, options.portBase + PORTS.tee);
  const testAttestationKey = keyPaths(options.dataDir).testRoot;
  const config: RoleConfigFile = { role: "tee", ...follower, testAttestationKey };
  return { id, role: "tee", host: id, ...place(follower), config };
}

function planGateway(options: PlanOptions): PlannedNode {
  const id = "gateway-0";
  const follower = planFollower(options, id, options.portBase + PORTS.gateway);
  return {
    id,
    role: "gateway",
    host: id,
    ...place(follower),
    config: { role: "gateway", ...follower },
  };
}

function planFollower(options: PlanOptions, id: string, port: number) {
  return {
    id,
    dataDir: join(options.dataDir, id),
    chain: "dev" as const,
    rpcUrl: url(options.portBase + PORTS.rpc),
    accountKey: keyPaths(options.dataDir).of(id, "account"),
    listen: { host: LOOPBACK, port },
    endpoint: url(port),
  };
}

function place({ endpoint, dataDir }: { readonly endpoint: string; readonly dataDir: string }) {
  return { endpoint, dataDir };
}

function url(port: number): string {
  return `http://${LOOPBACK}:${port}`;
}
