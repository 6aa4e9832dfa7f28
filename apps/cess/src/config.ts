/**
 * Configuration files: one JSON object a node, checked before anything starts.
 *
 * @see docs/operate.md
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { z } from "zod";
import { CLIError } from "./error.ts";

const port = z.number().int().min(0).max(65_535);
const listen = z.strictObject({ host: z.string().default("127.0.0.1"), port });
const account = z.custom<Hex>((value) => isHex(value, 20), "not an account").transform(lower);
const hash = z.custom<Hex>((value) => isHex(value, 32), "not 32 bytes of hex").transform(lower);

/** What every node has. Paths are relative to the file they stand in. */
const node = {
  /** Name in logs. */
  id: z.string().min(1).max(64),
  dataDir: z.string().min(1),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
};

/** What a node needs that follows the chain from outside. */
const follower = {
  chain: z.enum(["mainnet", "dev"]),
  rpcUrl: z.url(),
  /** Key file of the account that signs the node's transactions. */
  accountKey: z.string(),
  listen,
  /** Base URL under which others reach this node. */
  endpoint: z.url(),
  region: z.string().max(64).default(""),
};

const validatorConfig = z.strictObject({
  role: z.literal("validator"),
  ...node,
  genesis: z.string(),
  accountKey: z.string(),
  blsKey: z.string(),
  vrfKey: z.string(),
  networkKey: z.string(),
  rpc: listen,
  p2p: z.strictObject({
    /** Multiaddrs to listen on; empty joins the in-memory network of the host process. */
    listen: z.array(z.string()).default([]),
    peers: z.array(z.string()).default([]),
  }),
  /** Overrides the block time of the chain spec, in milliseconds; for tests. */
  blockMs: z.number().int().min(50).optional(),
});

const storageConfig = z.strictObject({
  role: z.literal("storage"),
  ...node,
  ...follower,
  blsKey: z.string(),
  declaredBytes: z.number().int().positive(),
});

const teeConfig = z.strictObject({
  role: z.literal("tee"),
  ...node,
  ...follower,
  /** Key file of the test root that signs this worker's attestation; dev chains only. */
  testAttestationKey: z.string(),
});

const gatewayConfig = z.strictObject({
  role: z.literal("gateway"),
  ...node,
  ...follower,
  /** Region that S3 clients sign for. */
  s3Region: z.string().default("us-east-1"),
  /** Domain for virtual-host style requests, `bucket.domain`. */
  baseDomain: z.string().optional(),
  /** Where `/health` and `/metrics` are served: every path of the main port is a bucket. */
  adminPort: port.default(0),
  /** Profile of buckets that ask for none. */
  profile: z.enum(["standard", "economy", "critical"]).default("standard"),
  /** Accounts that an access key is minted for, each written to its `file` once. */
  credentials: z
    .array(z.strictObject({ account, territory: hash, file: z.string() }))
    .max(1000)
    .default([]),
});

const roleConfig = z.discriminatedUnion("role", [
  validatorConfig,
  storageConfig,
  teeConfig,
  gatewayConfig,
]);

export type RoleConfig = z.output<typeof roleConfig>;
export type RoleName = RoleConfig["role"];
export type ConfigOf<Name extends RoleName> = Extract<RoleConfig, { role: Name }>;
/** What a configuration file contains: defaults may be left out. */
export type RoleConfigFile = z.input<typeof roleConfig>;

const PATH_FIELDS: readonly string[] = [
  "dataDir",
  "genesis",
  "accountKey",
  "blsKey",
  "vrfKey",
  "networkKey",
  "testAttestationKey",
  "file",
];

/** @throws {@link CLIError} `CONFIG_INVALID` */
export function readConfig<Name extends RoleName>(path: string, role: Name): ConfigOf<Name> {
  const config = parseConfig(path, readJSON(path));
  if (config.role === role) return config as ConfigOf<Name>;
  const reason = `this is the configuration of a ${config.role}, not of a ${role}`;
  throw new CLIError({ code: "CONFIG_INVALID", path, reason });
}

/**
 * @param path - Where the value comes from: for messages, and what its paths are relative to.
 * @throws {@link CLIError} `CONFIG_INVALID`
 */
export function parseConfig(path: string, value: unknown): RoleConfig {
  const parsed = roleConfig.safeParse(value);
  if (!parsed.success) {
    throw new CLIError({ code: "CONFIG_INVALID", path, reason: z.prettifyError(parsed.error) });
  }
  return resolvePaths(dirname(path), parsed.data) as RoleConfig;
}

/** Makes every path in a configuration absolute, however deep it stands. */
function resolvePaths(folder: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => resolvePaths(folder, item));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => {
    const isPath = PATH_FIELDS.includes(name) && typeof field === "string";
    return [name, isPath ? resolve(folder, field) : resolvePaths(folder, field)];
  });
  return Object.fromEntries(fields);
}

function readJSON(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CLIError({ code: "CONFIG_INVALID", path, reason }, { cause });
  }
}

function isHex(value: unknown, sizeBytes: number): boolean {
  try {
    return typeof value === "string" && hexToBytes(value, sizeBytes).length === sizeBytes;
  } catch {
    // The schema reports it.
    return false;
  }
}

function lower(value: Hex): Hex {
  return value.toLowerCase() as Hex;
}
