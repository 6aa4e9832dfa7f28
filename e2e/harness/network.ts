/**
 * A whole network from one command, as a script would run it: `cess dev --json` prints one line
 * when it is ready, and `cess dev kill|start|status|stop` break and mend it.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, end, killTree, runCess, type Started, startCess } from "./process.ts";
import { discard, say } from "./wait.ts";

export interface NetworkNode {
  readonly id: string;
  readonly role: "validator" | "storage" | "tee" | "gateway";
  readonly endpoint: string;
  readonly dataDir: string;
}

/** What `cess dev --json` prints. */
export interface Ready {
  readonly rpc: string;
  readonly chainId: number;
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  readonly owner: { readonly account: `0x${string}`; readonly privateKeyPath: string };
  readonly nodes: readonly NetworkNode[];
}

/** What `cess dev status --json` prints for each node. */
export interface NodeStatus {
  readonly id: string;
  readonly role: NetworkNode["role"];
  readonly isRunning: boolean;
  readonly endpoint: string;
  readonly pid?: number;
  readonly detail: string;
}

export interface NetworkOptions {
  /** Each test file has its own hundreds, so that files may run side by side. */
  readonly portBase: number;
  readonly storage?: number;
  readonly validators?: number;
}

const READY_MS = 90_000;

/** One network, its processes and its folder. */
export class LocalNetwork {
  readonly dataDir: string = mkdtempSync(join(tmpdir(), "cess-e2e-"));
  readonly #options: NetworkOptions;
  #supervisor: Started | undefined;
  #ready: Ready | undefined;
  /** Time from the command to the line that says it is ready. */
  startMs = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  static async start(options: NetworkOptions): Promise<LocalNetwork> {
    const network = new LocalNetwork(options);
    await network.up();
    return network;
  }

  get ready(): Ready {
    assert(this.#ready !== undefined, "the network is not up");
    return this.#ready;
  }

  /** Process of the supervisor; those of the nodes are below it. */
  get pid(): number {
    assert(this.#supervisor !== undefined, "the network is not up");
    return this.#supervisor.pid;
  }

  /** Starts the network, or starts it again on the data that is there. */
  async up(): Promise<Ready> {
    const startMs = performance.now();
    const { portBase, storage = 12, validators = 4 } = this.#options;
    const counts = ["--validators", `${validators}`, "--storage", `${storage}`];
    this.#supervisor = startCess(
      "dev",
      "--json",
      "--port-base",
      `${portBase}`,
      ...counts,
      ...this.#data,
    );
    try {
      const line = await this.#supervisor.line((text) => text.startsWith("{"), READY_MS);
      this.#ready = JSON.parse(line) as Ready;
    } catch (cause) {
      killTree(this.#supervisor.pid);
      throw cause;
    }
    this.startMs = performance.now() - startMs;
    say(`network ready in ${(this.startMs / 1000).toFixed(1)} s`);
    return this.#ready;
  }

  /** Ends all processes in good order; the data stays. */
  async down(): Promise<void> {
    if (this.#supervisor !== undefined) await end(this.#supervisor);
    this.#supervisor = undefined;
  }

  /** Ends everything and deletes the data, unless `E2E_KEEP=1`: for `after`. */
  async remove(): Promise<void> {
    await this.down();
    discard(this.dataDir);
  }

  /** `cess dev ACTION …` on this network. */
  async dev(...args: readonly string[]): Promise<Ended> {
    return runCess("dev", ...args, ...this.#data);
  }

  /** Cuts a node off, as a crash would. */
  async kill(id: string): Promise<void> {
    const { code, stderr } = await this.dev("kill", id);
    assert.equal(code, 0, stderr);
  }

  async startNode(id: string): Promise<void> {
    const { code, stderr } = await this.dev("start", id);
    assert.equal(code, 0, stderr);
  }

  async status(): Promise<readonly NodeStatus[]> {
    const { code, stdout, stderr } = await this.dev("status", "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as readonly NodeStatus[];
  }

  async pidOf(id: string): Promise<number> {
    const pid = (await this.status()).find((node) => node.id === id)?.pid;
    assert(pid !== undefined, `${id} has no process`);
    return pid;
  }

  node(id: string): NetworkNode {
    const node = this.ready.nodes.find((each) => each.id === id);
    assert(node !== undefined, `there is no node ${id}`);
    return node;
  }

  nodesOf(role: NetworkNode["role"]): readonly NetworkNode[] {
    return this.ready.nodes.filter((node) => node.role === role);
  }

  get #data(): readonly string[] {
    return ["--data", this.dataDir];
  }
}
