/**
 * A validator of a test chain as a process of its own, for tests that kill it.
 *
 * Arguments: index, count of validators, block time in ms, directory, addresses to dial.
 * @module
 */
import assert from "node:assert/strict";
import { createLibp2pNetwork } from "@cess/network/libp2p/network";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { VerificationCache } from "../verification-cache.ts";
import { openNode } from "./cluster.ts";

const [index, validatorCount, blockMs, directory, ...bootstrapAddresses] = process.argv.slice(2);
assert(directory !== undefined);
const network = await createLibp2pNetwork(
  { clock: systemClock, random: systemRandom, log: silentLogger },
  {
    identitySeed: new Uint8Array(32).fill(Number(index) + 1),
    listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
    bootstrapAddresses,
    connectionsMax: 16,
  },
);
const { node } = await openNode({
  network,
  index: Number(index),
  directory,
  validatorCount: Number(validatorCount),
  blockMs: Number(blockMs),
  verifications: new VerificationCache(),
});
node.onCommitted(({ facts }) => process.stdout.write(`${facts.height}\n`));
await node.start();
