import { createJSONLogger } from "@cess/runtime/node/logger";
import { type RoleName, readConfig } from "./config.ts";
import { createRole } from "./role.ts";
import { createShared } from "./shared.ts";

/** Runs one node in this process until it is told to end. */
export async function runRole(name: RoleName, configPath: string): Promise<void> {
  const config = readConfig(configPath, name);
  const write = (line: string) => process.stdout.write(line);
  const log = createJSONLogger({ level: config.logLevel, write }).child({ node: config.id });
  const shared = createShared(log);
  const role = await createRole(config, log, shared);
  const ended = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await role.start();
  log.info("ready", { role: name });
  await ended;
  log.info("ending");
  await role.stop();
  await shared.stop();
  process.exit(0);
}
