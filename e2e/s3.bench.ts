/**
 * The gateway under load, with the AWS SDK as the client and a whole local network behind it: all
 * of it shares the cores of one machine.
 * @module
 */
import { readFileSync } from "node:fs";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { IS_FULL, printResult } from "../packages/std/src/bench.ts";
import { contentBytes, KIB, MIB } from "./harness/content.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3 } from "./harness/s3.ts";

const PORT_BASE = 17_000;
const CLOCK_TICKS_PER_SECOND = 100;

interface Load {
  readonly name: string;
  readonly sizeBytes: number;
  readonly count: number;
  readonly inFlight: number;
  /** S3's name of the profile. */
  readonly storageClass: "STANDARD" | "REDUCED_REDUNDANCY";
  readonly durability: "stored" | "declared";
}

const LARGE: Load = {
  name: "large",
  sizeBytes: (IS_FULL ? 64 : 2) * MIB,
  count: IS_FULL ? 24 : 2,
  inFlight: 8,
  storageClass: "REDUCED_REDUNDANCY",
  durability: "stored",
};
const SMALL: Load = {
  name: "small",
  sizeBytes: 4 * KIB,
  count: IS_FULL ? 6_000 : 50,
  inFlight: 32,
  storageClass: "STANDARD",
  durability: "stored",
};
/** One client that waits for the chain's word on each object. */
const DECLARED: Load = { ...LARGE, name: "declared", inFlight: 2, durability: "declared" };

const network = await LocalNetwork.start({ portBase: PORT_BASE });
try {
  const { ready } = network;
  const s3 = createS3(ready, { requestChecksumCalculation: "WHEN_REQUIRED" });
  const Bucket = "load";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const gatewayPid = await network.pidOf("gateway-0");
  for (const load of [LARGE, SMALL, DECLARED]) {
    const Body = contentBytes(load.name, load.sizeBytes);
    const key = (index: number) => `${load.name}/${index}`;
    s3.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers["x-cess-durability"] = load.durability;
        return next(args);
      },
      { step: "build", name: "durability", override: true },
    );
    await measure(load, "put", gatewayPid, async (index) => {
      const StorageClass = load.storageClass;
      await s3.send(new PutObjectCommand({ Bucket, Key: key(index), Body, StorageClass }));
    });
    await measure(load, "get", gatewayPid, async (index) => {
      const { Body: body } = await s3.send(new GetObjectCommand({ Bucket, Key: key(index) }));
      for await (const _ of body as AsyncIterable<Uint8Array>);
    });
  }
} finally {
  await network.remove();
}

/** Runs a load with as many requests in flight as it says, and prints what it came to. */
async function measure(
  load: Load,
  action: "put" | "get",
  gatewayPid: number,
  request: (index: number) => Promise<void>,
): Promise<void> {
  const latenciesMs: number[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < load.count; index = next++) {
      const startMs = performance.now();
      await request(index);
      latenciesMs.push(performance.now() - startMs);
    }
  };
  const cpuBeforeMs = cpuMs(gatewayPid);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: load.inFlight }, worker));
  const tookMs = performance.now() - startMs;
  const usedCPUMs = cpuMs(gatewayPid) - cpuBeforeMs;
  latenciesMs.sort((left, right) => left - right);
  const totalBytes = load.count * load.sizeBytes;
  const isSmall = load.sizeBytes < MIB;
  const name = `s3/${load.name}-${action}`;
  const sizes = { sizeBytes: load.sizeBytes, count: load.count, inFlight: load.inFlight };
  const print = (suffix: string, ms: number, bytesPerSecond?: number) => {
    const nsPerOperation = ms * 1e6;
    const figures = { nsPerOperation, nsPerOperationBest: nsPerOperation, bytesPerSecond };
    printResult({ name: name + suffix, sizes, ...figures, hash: "" });
  };
  print("", tookMs / load.count, isSmall ? undefined : (totalBytes * 1000) / tookMs);
  print("-p99", latenciesMs[Math.ceil(0.99 * latenciesMs.length) - 1] as number);
  const units = isSmall ? load.count : totalBytes / MIB;
  print(isSmall ? "-gateway-cpu-per-object" : "-gateway-cpu-per-mib", usedCPUMs / units);
}

/** Processor time that a process has used, all its threads together. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}
