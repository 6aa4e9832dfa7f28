/**
 * A network of separate processes: one configuration file and one `cess ROLE --config FILE` for
 * each node, as operators run them; validators meet over TCP.
 * @module
 */
import assert from "node:assert/strict";
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChainSender } from "@cess/chain-client/chain";
import { createChainClient } from "@cess/chain-client/client";
import { readKeyFile } from "@cess/crypto/key-file";
import { peerIdOfSeed } from "@cess/network/libp2p/identity";
import { DEV } from "@cess/params/chain-spec";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import { prepareGenesis } from "../../apps/cess/src/dev/genesis.ts";
import { keyPaths, type PlannedNode, planNetwork } from "../../apps/cess/src/dev/plan.ts";
import {
  authoriseGateway,
  awaitNodes,
  provideTerritory,
} from "../../apps/cess/src/dev/provision.ts";
import type { Ready } from "./network.ts";
import { end, killTree, type Started, startCess } from "./process.ts";
import { discard } from "./wait.ts";

const READY_MS = 60_000;
/** Ports of the validators' own network, above those of the plan. */
const P2P_PORT_OFFSET = 30;

export class SeparateProcesses {
  readonly dataDir: string = mkdtempSync(join(tmpdir(), "cess-e2e-"));
  readonly nodes: readonly PlannedNode[];
  readonly #portBase: number;
  readonly #processes = new Map<string, Started>();
  #ready: Pick<Ready, "rpc" | "s3"> | undefined;

  constructor(options: { readonly portBase: number }) {
    this.#portBase = options.portBase;
    const counts = { validatorCount: 4, storageCount: 12 };
    this.nodes = planNetwork({ ...options, ...counts, dataDir: this.dataDir });
  }

  get ready(): Pick<Ready, "rpc" | "s3"> {
    assert(this.#ready !== undefined, "the network is not up");
    return this.#ready;
  }

  /** Genesis first; validators; an owner with space; then everyone else. */
  async up(): Promise<void> {
    await prepareGenesis(this.dataDir, this.nodes, Date.now());
    await this.#startAll("validator");
    const owner = await this.#owner();
    const provision = { owner, clock: systemClock };
    const [territory] = await Promise.all([
      provideTerritory(provision),
      this.#startAll("tee"),
      this.#startAll("storage"),
    ]);
    const paths = keyPaths(this.dataDir);
    const gateway = await readKeyFile(paths.of("gateway-0", "account"));
    await authoriseGateway(provision, gateway.publicKey, territory);
    await awaitNodes(provision, 12);
    const file = join(this.dataDir, "keys", "s3-credential.json");
    await this.startNode("gateway-0", {
      credentials: [{ account: owner.account, territory, file }],
    });
    const credential = JSON.parse(readFileSync(file, "utf8")) as Ready["s3"];
    const endpoint = this.node("gateway-0").endpoint;
    const s3 = { ...credential, endpoint, region: "us-east-1" };
    this.#ready = { rpc: this.node("validator-0").endpoint, s3 };
  }

  /** Writes the configuration file of a node, starts its process and waits until it is ready. */
  async startNode(id: string, extra: object = {}): Promise<void> {
    const { role, config } = this.node(id);
    const path = join(this.dataDir, `${id}.json`);
    mkdirSync(this.dataDir, { recursive: true });
    const p2p = role === "validator" ? { p2p: await this.#p2pOf(id) } : {};
    writeFileSync(path, JSON.stringify({ ...config, ...p2p, ...extra }, undefined, 2));
    const started = startCess(role, "--config", path);
    this.#processes.set(id, started);
    const log = createWriteStream(join(this.dataDir, `${id}.log`), { flags: "a" });
    started.child.stdout?.pipe(log);
    await started.line((line) => line.includes('"message":"ready"'), READY_MS);
  }

  /** `kill -9`. */
  async killNode(id: string): Promise<void> {
    const started = this.#processes.get(id);
    assert(started !== undefined, `${id} is not running`);
    killTree(started.pid);
    await started.exited;
    this.#processes.delete(id);
  }

  /** Ends everything and deletes the data, unless `E2E_KEEP=1`: for `after`. */
  async remove(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((started) => end(started, 10_000)));
    discard(this.dataDir);
  }

  node(id: string): PlannedNode {
    const node = this.nodes.find((each) => each.id === id);
    assert(node !== undefined, `there is no node ${id}`);
    return node;
  }

  async #startAll(role: PlannedNode["role"]): Promise<void> {
    const nodes = this.nodes.filter((node) => node.role === role);
    await Promise.all(nodes.map(({ id }) => this.startNode(id)));
  }

  async #p2pOf(id: string): Promise<{ readonly listen: string[]; readonly peers: string[] }> {
    const validators = this.nodes.filter(({ role }) => role === "validator");
    const addressOf = async (node: PlannedNode, index: number) => {
      const { secret } = await readKeyFile(keyPaths(this.dataDir).of(node.id, "network"));
      const port = this.#portBase + P2P_PORT_OFFSET + index;
      return {
        id: node.id,
        listen: `/ip4/127.0.0.1/tcp/${port}`,
        peer: await peerIdOfSeed(secret),
      };
    };
    const all = await Promise.all(validators.map(addressOf));
    const own = all.filter((each) => each.id === id);
    const others = all.filter((each) => each.id !== id);
    return {
      listen: own.map(({ listen }) => listen),
      peers: others.map(({ listen, peer }) => `${listen}/p2p/${peer}`),
    };
  }

  async #owner(): Promise<ChainSender> {
    const { secret } = await readKeyFile(keyPaths(this.dataDir).owner);
    const rpcUrl = this.node("validator-0").endpoint;
    const deps = { clock: systemClock, log: silentLogger };
    return createChainClient(deps, { rpcUrl, spec: DEV, privateKey: secret });
  }
}
