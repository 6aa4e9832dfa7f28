import { mkdirSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { join } from "node:path";
import { createChainClient } from "@cess/chain-client/client";
import { DEV } from "@cess/params/chain-spec";
import { COLUMNS_MAX } from "@cess/params/profile";
import type { Logger } from "@cess/runtime/logger";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { describeCause } from "@cess/std/error";
import { parseConfig } from "../config.ts";
import { CLIError } from "../error.ts";
import { loadKey } from "../keys.ts";
import {
  assertNotRunning,
  type ControlAnswer,
  type ControlRequest,
  type NodeStatus,
  serveControl,
} from "./control.ts";
import { prepareGenesis } from "./genesis.ts";
import { HostProcess } from "./host-process.ts";
import { keyPaths, type PlannedNode, type PlanOptions, planNetwork } from "./plan.ts";
import { assertPortsFree } from "./ports.ts";
import { authoriseGateway, awaitNodes, provideTerritory } from "./provision.ts";

export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface RunningNetwork {
  readonly nodes: readonly PlannedNode[];
  readonly rpcUrl: string;
  readonly s3Endpoint: string;
  readonly credential: Credential;
  readonly owner: { readonly account: Hex; readonly privateKeyPath: string };
  /** Resolves when someone asked the network to stop over the control socket. */
  readonly stopAsked: Promise<void>;
  stop(): Promise<void>;
}

export interface SupervisorDeps {
  readonly log: Logger;
  /** Told of each step, for a person who waits. */
  readonly onStep: (step: string) => void;
}

/** Starts a whole network and watches over it. */
export async function startNetwork(
  deps: SupervisorDeps,
  options: PlanOptions & { readonly isFresh: boolean },
): Promise<RunningNetwork> {
  await assertNotRunning(options.dataDir);
  if (options.isFresh) rmSync(options.dataDir, { recursive: true, force: true });
  mkdirSync(join(options.dataDir, "logs"), { recursive: true });
  const supervisor = new Supervisor(deps, options);
  try {
    return await supervisor.start();
  } catch (cause) {
    await supervisor.stop();
    throw cause;
  }
}

/** Tagging can wait a moment; whoever uploads should not wait for it on a machine that is shared. */
const TEE_NICENESS = 10;

class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #options: PlanOptions;
  readonly #nodes: readonly PlannedNode[];
  readonly #configs = new Map<string, unknown>();
  readonly #hosts = new Map<string, HostProcess>();
  readonly #stopAsked = Promise.withResolvers<void>();
  #control: Server | undefined;

  constructor(deps: SupervisorDeps, options: PlanOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#nodes = planNetwork(options);
    for (const { id, config } of this.#nodes) this.#configs.set(id, config);
  }

  async start(): Promise<RunningNetwork> {
    const { dataDir } = this.#options;
    const { onStep } = this.#deps;
    this.#control = await serveControl(dataDir, (request) => this.#handle(request));
    await assertPortsFree(this.#nodes.map(({ endpoint }) => endpoint));
    onStep("keys and genesis");
    await prepareGenesis(dataDir, this.#nodes, systemClock.wallMs());
    onStep("validators");
    await this.#startRole("validator");
    const rpcUrl = this.#endpointOf("validator-0");
    const paths = keyPaths(dataDir);
    const ownerKey = await loadKey(paths.owner, "secp256k1");
    const chainDeps = { clock: systemClock, log: this.#deps.log };
    const chainOptions = { rpcUrl, spec: DEV, privateKey: ownerKey.secret };
    const owner = createChainClient(chainDeps, chainOptions);
    const provision = { owner, clock: systemClock };
    onStep("storage nodes, TEE worker, territory");
    const gateway = await loadKey(paths.of("gateway-0", "account"), "secp256k1");
    const [territory] = await Promise.all([
      provideTerritory(provision),
      this.#startRole("tee"),
      this.#startRole("storage"),
    ]);
    await authoriseGateway(provision, gateway.publicKey, territory);
    const file = join(dataDir, "keys", "s3-credential.json");
    const config = this.#configs.get("gateway-0") as object;
    const credentials = [{ account: owner.account, territory, file }];
    this.#configs.set("gateway-0", { ...config, credentials });
    onStep("gateway");
    await awaitNodes(provision, Math.min(this.#options.storageCount, COLUMNS_MAX));
    await this.#startRole("gateway");
    return {
      nodes: this.#nodes,
      rpcUrl,
      s3Endpoint: this.#endpointOf("gateway-0"),
      credential: JSON.parse(readFileSync(file, "utf8")) as Credential,
      owner: { account: owner.account, privateKeyPath: paths.owner },
      stopAsked: this.#stopAsked.promise,
      stop: () => this.stop(),
    };
  }

  /** Gateway and storage first, so that what they still write finds a chain. */
  async stop(): Promise<void> {
    const order = ["gateway-0", "storage", "tee-0", "validators"];
    for (const name of order) await this.#hosts.get(name)?.stop();
    this.#control?.close();
    this.#control = undefined;
  }

  async #handle(request: ControlRequest): Promise<ControlAnswer> {
    switch (request.action) {
      case "status":
        return { ok: true, message: "", nodes: await this.#status() };
      case "kill":
        await this.#kill(this.#nodeOf(request.id));
        return { ok: true, message: `${request.id} is down` };
      case "start":
        await this.#startNode(this.#nodeOf(request.id));
        return { ok: true, message: `${request.id} is up` };
      case "stop":
        this.#stopAsked.resolve();
        return { ok: true, message: "the network is stopping" };
    }
  }

  async #startRole(role: PlannedNode["role"]): Promise<void> {
    const nodes = this.#nodes.filter((node) => node.role === role);
    await Promise.all(nodes.map((node) => this.#startNode(node)));
  }

  async #startNode(node: PlannedNode): Promise<void> {
    let host = this.#hosts.get(node.host);
    if (host === undefined || !host.isRunning) {
      const logPath = join(this.#options.dataDir, "logs", `${node.host}.log`);
      host = new HostProcess({
        name: node.host,
        logPath,
        niceness: node.role === "tee" ? TEE_NICENESS : 0,
        onExit: (name) => this.#deps.log.error("a host process ended", { host: name, logPath }),
      });
      this.#hosts.set(node.host, host);
    }
    const config = parseConfig(join(this.#options.dataDir, node.id), this.#configs.get(node.id));
    await host.command({ kind: "start", config });
  }

  async #kill(node: PlannedNode): Promise<void> {
    const host = this.#hosts.get(node.host);
    const isAlone = this.#nodes.filter((other) => other.host === node.host).length === 1;
    if (isAlone) await host?.kill();
    else await host?.command({ kind: "kill", id: node.id });
  }

  async #status(): Promise<NodeStatus[]> {
    const details = new Map<string, Readonly<Record<string, string>>>();
    for (const [name, host] of this.#hosts) {
      const answer = await host.command({ kind: "status" }).catch((cause) => {
        this.#deps.log.warn("a host does not answer", { host: name, cause: describeCause(cause) });
        return {};
      });
      details.set(name, answer);
    }
    return this.#nodes.map(({ id, role, host, endpoint }) => {
      const detail = details.get(host)?.[id];
      const pid = this.#hosts.get(host)?.pid;
      const isRunning = detail !== undefined;
      return { id, role, endpoint, isRunning, pid, detail: detail ?? "down" };
    });
  }

  #nodeOf(id: string): PlannedNode {
    const node = this.#nodes.find((candidate) => candidate.id === id);
    if (node !== undefined) return node;
    throw new CLIError({ code: "NODE_UNKNOWN", id, known: this.#nodes.map((each) => each.id) });
  }

  #endpointOf(id: string): string {
    return this.#nodeOf(id).endpoint;
  }
}
