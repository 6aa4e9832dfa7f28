/**
 * A gateway as a process of its own, to be killed. Usage: `node gateway-process.ts DIRECTORY`.
 * Prints one line of JSON when it listens.
 * @module
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createDiskNetwork } from "./disk-network.ts";
import { startGatewayOn, TEST_ACCOUNT, TEST_TERRITORY } from "./test-gateway.ts";

const directory = process.argv[2] as string;
const files = join(directory, "files");
mkdirSync(files, { recursive: true });
const { gateway } = await startGatewayOn(join(directory, "meta"), {
  deps: createDiskNetwork(files),
});
const owner = { account: TEST_ACCOUNT, territory: TEST_TERRITORY };
const credential = await gateway.credentials.createCredential(owner);
const endpoint = `http://127.0.0.1:${gateway.port}`;
process.stdout.write(`${JSON.stringify({ endpoint, credential })}\n`);
