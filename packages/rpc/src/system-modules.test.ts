import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { committeeHash } from "@cess/consensus/committee";
import { createBLSKeyPair, provePossession } from "@cess/crypto/bls";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { type Executor, openExecutor } from "@cess/execution/executor";
import { DEV } from "@cess/params/chain-spec";
import { initPodr2 } from "@cess/proofs/podr2/podr2";
import { minersAbi } from "@cess/protocol/abi/miners";
import { territoryAbi } from "@cess/protocol/abi/territory";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import { createModules } from "@cess/protocol/modules";
import { createProofVerifier } from "@cess/protocol/proof-verifier";
import { silentLogger } from "@cess/runtime/node/logger";
import { createPrometheusMetrics } from "@cess/runtime/node/metrics";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { createRPCServer, type RPCServer } from "./server.ts";
import { alice } from "./testing/fixture.ts";
import { createTestNode } from "./testing/test-node.ts";

const directory = mkdtempSync(join(tmpdir(), "cess-rpc-modules-"));
const GIB = 1n << 30n;
let executor: Executor;
let server: RPCServer;

before(async () => {
  const validators = [1, 2, 3, 4].map(createValidator);
  const proofVerifier = createProofVerifier(await initPodr2());
  executor = await openExecutor({
    directory,
    modules: createModules({ proofVerifier }),
    genesis: {
      spec: "dev",
      timestampSeconds: 1_800_000_000n,
      alloc: [
        { address: alice.address.toLowerCase() as Hex, balanceWei: 1_000_000n * CESS },
        ...validators.map(({ account, bondedWei }) => {
          return { address: account, balanceWei: bondedWei };
        }),
      ],
      validators,
      timelock: `0x${"77".repeat(20)}`,
    },
  });
  const node = createTestNode(executor, validators[0]?.account as Hex);
  const metrics = createPrometheusMetrics();
  const deps = { executor, node, metrics, clock: systemClock, random: systemRandom };
  const options = { host: "127.0.0.1", port: 0 };
  server = createRPCServer({ ...deps, log: silentLogger }, options);
  await server.start();
});

after(async () => {
  await server.stop();
  await executor.close();
  rmSync(directory, { recursive: true, force: true });
});

function createValidator(index: number) {
  const seed = new Uint8Array(createHash("sha256").update(`validator ${index}`).digest());
  const { secretKey, publicKey } = createBLSKeyPair(seed);
  return {
    account: bytesToHex(seed.slice(0, 20)),
    blsPublicKey: publicKey,
    blsProof: provePossession(secretKey),
    vrfPublicKey: vrfPublicKeyOf(seed),
    bondedWei: DEV.validatorBondWei,
  };
}

function createClients() {
  const chain = defineChain({
    id: 11330,
    name: "dev",
    nativeCurrency: { name: "CESS", symbol: "CESS", decimals: 18 },
    rpcUrls: { default: { http: [server.url] } },
  });
  const transport = http(server.url, { retryCount: 0 });
  return {
    reader: createPublicClient({ chain, transport, cacheTime: 0 }),
    wallet: createWalletClient({ chain, transport, account: alice }),
  };
}

async function ask<T>(method: string, ...params: readonly unknown[]): Promise<T> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(server.url, { method: "POST", body });
  const { result, error } = (await response.json()) as { result: T; error: unknown };
  assert.equal(error, undefined);
  return result;
}

test("headers commit to the committee that the staking module has", async () => {
  const committee = await executor.committeeAt(1n);
  assert.equal(committee.seats.length, 4);
  assert.deepEqual(executor.head().nextCommitteeHash, committeeHash(committee));
  const shown = await ask<{ committee: readonly { address: Hex }[]; total: Hex }>(
    "cess_validators",
  );
  assert.deepEqual(
    shown.committee.map(({ address }) => address),
    committee.seats.map(({ address }) => address),
  );
  assert.equal(shown.total, "0x4");
});

test("a territory is bought and shown", async () => {
  const { reader, wallet } = createClients();
  const module = { address: MODULE_ADDRESSES.territory, abi: territoryAbi } as const;
  const priceWei = await reader.readContract({
    ...module,
    functionName: "priceOf",
    args: [GIB, 1000n],
  });
  const hash = await wallet.writeContract({
    ...module,
    functionName: "buy",
    args: ["photos", GIB, 1000n],
    value: priceWei,
  });
  assert.equal((await reader.getTransactionReceipt({ hash })).status, "success");
  const [bought] = await reader.getContractEvents({ ...module, eventName: "Bought" });
  const id = bought?.args.id as Hex;
  const territory = await ask<{ owner: Hex; name: string; totalBytes: Hex }>("cess_territory", id);
  assert.equal(territory.owner.toLowerCase(), alice.address.toLowerCase());
  assert.equal(territory.name, "photos");
  assert.equal(BigInt(territory.totalBytes), GIB);
});

test("a miner registers with its stake and is listed", async () => {
  const { reader, wallet } = createClients();
  const { secretKey, publicKey } = createBLSKeyPair(new Uint8Array(32).fill(9));
  const keys = [bytesToHex(publicKey), bytesToHex(provePossession(secretKey))] as const;
  const hash = await wallet.writeContract({
    address: MODULE_ADDRESSES.miners,
    abi: minersAbi,
    functionName: "register",
    args: [...keys, "http://127.0.0.1:15001", "eu", 1024n * GIB],
    value: DEV.minerStakePerTiBWei,
  });
  assert.equal((await reader.getTransactionReceipt({ hash })).status, "success");
  const { miners, total } = await ask<{
    miners: readonly { endpoint: string; stakeWei: Hex }[];
    total: Hex;
  }>("cess_miners");
  assert.equal(total, "0x1");
  assert.equal(miners[0]?.endpoint, "http://127.0.0.1:15001");
  assert.equal(BigInt(miners[0]?.stakeWei ?? "0x0"), DEV.minerStakePerTiBWei);
  assert.equal((await ask<{ total: Hex }>("cess_challenges")).total, "0x0");
});
