/**
 * The gateway's own part of a request: HTTP, signatures, hashes, the index with its flushes. The
 * network behind it costs nothing here. The CPU lines are the gateway process alone.
 * @module
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, formatResult } from "@cess/std/bench";
import { KIB, MIB } from "@cess/std/units";
import { signRaw } from "./testing/raw-client.ts";

const directory = mkdtempSync(join(tmpdir(), "cess-s3-bench-"));
const child = fork(join(import.meta.dirname, "testing/bench-process.ts"), [directory]);
const [{ endpoint, credential }] = await once(child, "message");
const { hostname, port } = new URL(endpoint);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

type Send = () => Promise<Uint8Array>;

/** Signs now, to send when it is timed. */
function prepareRequest(method: string, path: string, body?: Uint8Array): Send {
  const raw = { method, path, payloadHash: "UNSIGNED-PAYLOAD" };
  const { headers } = signRaw(endpoint, credential, raw);
  const length = { "content-length": String(body?.length ?? 0) };
  const options = { hostname, port, method, path, agent, headers: { ...headers, ...length } };
  return () =>
    new Promise((resolve, reject) => {
      const outgoing = request(options, (incoming) => {
        let countBytes = 0;
        incoming.on("data", (chunk: Uint8Array) => {
          countBytes += chunk.length;
        });
        incoming.on("error", reject);
        const status = incoming.statusCode ?? 0;
        incoming.on("end", () => resolve(Buffer.from(`${status} ${countBytes}`)));
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
}

/** Sends all, at most `inFlight` at a time; returns the last answer. */
async function sendAll(requests: readonly Send[], inFlight: number): Promise<Uint8Array> {
  let next = 0;
  let last: Uint8Array = new Uint8Array(0);
  const lane = async () => {
    for (let send = requests[next++]; send !== undefined; send = requests[next++])
      last = await send();
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return last;
}

async function cpuMs(): Promise<number> {
  child.send("cpu");
  const [answer] = await once(child, "message");
  return answer.cpuMs;
}

async function benchSmall(name: string, method: "PUT" | "GET"): Promise<void> {
  const cpu = createCPUMeter();
  await bench(name, { bytes: [4 * KIB, 4 * KIB], count: [64, 3000] }, ({ sizes }) => {
    const body = method === "PUT" ? new Uint8Array(sizes.bytes) : undefined;
    const requests = Array.from({ length: sizes.count }, (_, index) =>
      prepareRequest(method, `/bench/small/${index}`, body),
    );
    return {
      operations: sizes.count,
      body: () => cpu.measure(sizes.count, () => sendAll(requests, 32)),
    };
  });
  cpu.print(`${name}_cpu`, "count");
}

async function benchLarge(name: string, method: "PUT" | "GET"): Promise<void> {
  const cpu = createCPUMeter();
  await bench(name, { mib: [2, 64], count: [2, 8] }, async ({ sizes }) => {
    const body = new Uint8Array(sizes.mib * MIB);
    await prepareRequest("PUT", "/bench/large", body)();
    const send = prepareRequest(method, "/bench/large", method === "PUT" ? body : undefined);
    const requests = Array.from({ length: sizes.count }, () => send);
    return {
      bytes: body.length * sizes.count,
      body: () => cpu.measure(sizes.mib * sizes.count, () => sendAll(requests, 8)),
    };
  });
  cpu.print(`${name}_cpu_per_mib`, "mib");
}

/** Adds up the gateway's CPU time over all runs, warm-up included. */
function createCPUMeter() {
  let totalMs = 0;
  let count = 0;
  return {
    async measure(units: number, run: () => Promise<Uint8Array>): Promise<Uint8Array> {
      const startMs = await cpuMs();
      const answer = await run();
      totalMs += (await cpuMs()) - startMs;
      count += units;
      return answer;
    },
    print(name: string, unit: string): void {
      const nsPerOperation = (totalMs * 1e6) / count;
      const result = { name, sizes: { [unit]: count }, nsPerOperation, hash: "" };
      const full = { ...result, nsPerOperationBest: nsPerOperation, bytesPerSecond: undefined };
      const isJSON = process.env["BENCH_JSON"] === "1";
      process.stdout.write(`${isJSON ? JSON.stringify(full) : formatResult(full).join("  ")}\n`);
    },
  };
}

try {
  await prepareRequest("PUT", "/bench")();
  await benchSmall("s3::put_4k_32_in_flight", "PUT");
  await benchSmall("s3::get_4k_32_in_flight", "GET");
  await benchLarge("s3::put_large_8_in_flight", "PUT");
  await benchLarge("s3::get_large_8_in_flight", "GET");
} finally {
  agent.destroy();
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  rmSync(directory, { recursive: true, force: true });
}
