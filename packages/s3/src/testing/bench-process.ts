/**
 * A gateway over a null network as a process of its own, so that its CPU time is its own.
 * Answers every message with what it has used so far, in milliseconds.
 * @module
 */
import { createNullNetwork } from "./null-network.ts";
import { startGatewayOn, TEST_ACCOUNT, TEST_TERRITORY } from "./test-gateway.ts";

const path = process.argv[2] as string;
const { gateway } = await startGatewayOn(path, { deps: createNullNetwork() });
const owner = { account: TEST_ACCOUNT, territory: TEST_TERRITORY };
const credential = await gateway.credentials.createCredential(owner);
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1000 });
});
process.send?.({ endpoint: `http://127.0.0.1:${gateway.port}`, credential });
process.on("disconnect", () => process.exit());
