import { createJSONLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import { readyLine, readyTable } from "./report.ts";
import { startNetwork } from "./supervisor.ts";

export interface DevOptions {
  readonly validators: number;
  readonly storage: number;
  /** Absolute. */
  readonly data: string;
  readonly portBase: number;
  readonly fresh: boolean;
  readonly json: boolean;
}

/** `cess dev`: brings a network up, says where everything is, and ends it on Ctrl-C. */
export async function runDev(options: DevOptions): Promise<void> {
  const startMs = systemClock.nowMs();
  const say = (text: string) => {
    if (!options.json) process.stderr.write(text);
  };
  const ended = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  const log = createJSONLogger({ level: "warn", write: (line) => process.stderr.write(line) });
  const network = await startNetwork(
    { log, onStep: (step) => say(`starting: ${step}\n`) },
    {
      dataDir: options.data,
      validatorCount: options.validators,
      storageCount: options.storage,
      portBase: options.portBase,
      isFresh: options.fresh,
    },
  );
  const tookMs = systemClock.nowMs() - startMs;
  console.log(options.json ? readyLine(network) : readyTable(network, tookMs));
  await Promise.race([ended, network.stopAsked]);
  say("\nstopping …\n");
  await network.stop();
  process.exit(0);
}
