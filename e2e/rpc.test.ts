/** The chain as an unmodified Ethereum library sees it, and what it says of files. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { filesAbi } from "@cess/protocol/abi/files";
import { minersAbi } from "@cess/protocol/abi/miners";
import { territoryAbi } from "@cess/protocol/abi/territory";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  formatEther,
  http,
  type PublicClient,
  parseEther,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { callRPC, createChain, heightOf, territoryOf } from "./harness/chain.ts";
import { contentBytes, KIB, MIB } from "./harness/content.ts";
import { declaredIds } from "./harness/files.ts";
import { LocalNetwork } from "./harness/network.ts";
import { createS3 } from "./harness/s3.ts";
import { say } from "./harness/wait.ts";

const network = new LocalNetwork({ portBase: 20_600 });
const HASH = /^0x[0-9a-f]{64}$/;
const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]*)$/;
let client: PublicClient;

before(async () => {
  await network.up();
  client = createPublicClient({ chain: localChain(), transport: http(network.ready.rpc) });
});
after(() => network.remove());

function localChain() {
  const { rpc, chainId: id } = network.ready;
  const nativeCurrency = { name: "CESS", symbol: "CESS", decimals: 18 };
  return defineChain({
    id,
    name: "CESS dev",
    nativeCurrency,
    rpcUrls: { default: { http: [rpc] } },
  });
}

/** The owner's account, from the key file that the network names. */
function ownerAccount() {
  const file = JSON.parse(readFileSync(network.ready.owner.privateKeyPath, "utf8"));
  return privateKeyToAccount(file.secret);
}

test("viem reads blocks, balances and logs", async () => {
  assert.equal(await client.getChainId(), network.ready.chainId);
  const block = await client.getBlock();
  assert(block.number >= 1n);
  const parent = await client.getBlock({ blockHash: block.parentHash });
  assert.equal(parent.number, block.number - 1n);
  assert(block.timestamp >= parent.timestamp);
  const { account } = network.ready.owner;
  const balance = await client.getBalance({ address: account });
  say(`the owner has ${formatEther(balance)} CESS`);
  assert(balance > parseEther("1000000"));

  const registered = await client.getContractEvents({
    address: MODULE_ADDRESSES.miners,
    abi: minersAbi,
    eventName: "Registered",
    fromBlock: 0n,
  });
  assert.equal(registered.length, network.nodesOf("storage").length);
  const endpoints = registered.map(({ args }) => args.endpoint).sort();
  assert.deepEqual(
    endpoints,
    network
      .nodesOf("storage")
      .map(({ endpoint }) => endpoint)
      .sort(),
  );
});

test("viem calls the views of modules", async () => {
  const [miners, total] = await client.readContract({
    address: MODULE_ADDRESSES.miners,
    abi: minersAbi,
    functionName: "listMiners",
    args: [0n, 100n],
  });
  assert.equal(total, 12n);
  assert(miners.every(({ declaredBytes, stakeWei }) => declaredBytes > 0n && stakeWei > 0n));
  const refused = client.readContract({
    address: MODULE_ADDRESSES.files,
    abi: filesAbi,
    functionName: "fileOf",
    args: [`0x${"ee".repeat(32)}`],
  });
  await assert.rejects(refused, /reverted|ModuleError|NOT_FOUND|UNKNOWN/);
});

test("viem estimates gas and sends transactions with the owner's key", async () => {
  const account = ownerAccount();
  assert.equal(account.address.toLowerCase(), network.ready.owner.account);
  const wallet = createWalletClient({
    account,
    chain: localChain(),
    transport: http(network.ready.rpc),
  });
  const to = "0x00000000000000000000000000000000000000aa";
  const value = parseEther("1.5");
  assert.equal(await client.estimateGas({ account, to, value }), 21_000n);
  const hash = await wallet.sendTransaction({ to, value });
  const receipt = await client.waitForTransactionReceipt({ hash, pollingInterval: 200 });
  assert.equal(receipt.status, "success");
  assert.equal(await client.getBalance({ address: to }), value);

  const call = {
    account,
    address: MODULE_ADDRESSES.territory,
    abi: territoryAbi,
    functionName: "buy",
    args: ["second", BigInt(MIB), 1_000n],
    value: parseEther("1"),
  } as const;
  assert((await client.estimateContractGas(call)) > 21_000n);
  const bought = await client.waitForTransactionReceipt({
    hash: await wallet.writeContract(call),
    pollingInterval: 200,
  });
  assert.equal(bought.status, "success");
  assert(bought.logs.length > 0);
  const [territories] = await createChain(network.ready).read("territory", "listTerritories", [
    network.ready.owner.account,
    0n,
    10n,
  ]);
  assert(territories.some(({ name }) => name === "second"));
});

test("the cess namespace says where the chain is and who takes part", async () => {
  const { rpc } = network.ready;
  interface Status {
    readonly network: string;
    readonly chainId: string;
    readonly genesisHash: string;
    readonly head: Readonly<Record<"number" | "hash" | "timestamp" | "stateRoot", string>>;
    readonly isSyncing: boolean;
    readonly peerCount: number;
  }
  const statuses = await Promise.all(
    network.nodesOf("validator").map(({ endpoint }) => callRPC<Status>(endpoint, "cess_status")),
  );
  for (const status of statuses) {
    assert.equal(status.network, "dev");
    assert.equal(Number(status.chainId), network.ready.chainId);
    assert.match(status.head.number, QUANTITY);
    assert.match(status.head.hash, HASH);
    assert.equal(status.peerCount, 3);
    assert.equal(status.genesisHash, statuses[0]?.genesisHash, "another chain");
  }

  const { miners, total } = await callRPC<{ miners: Record<string, unknown>[]; total: string }>(
    rpc,
    "cess_miners",
  );
  assert.equal(Number(total), 12);
  for (const miner of miners) {
    assert.equal(miner["state"], 0);
    for (const field of ["declaredBytes", "usedBytes", "taggedBytes", "stakeWei", "auditsPassed"]) {
      assert.match(String(miner[field]), QUANTITY, field);
    }
  }
  const page = await callRPC<{ miners: unknown[] }>(rpc, "cess_miners", [10, 5]);
  assert.deepEqual(page.miners.length, 2);
  const challenges = await callRPC<{ challenges: unknown[]; total: string }>(
    rpc,
    "cess_challenges",
  );
  assert(Array.isArray(challenges.challenges));
  assert.match(challenges.total, QUANTITY);
  const { id } = await territoryOf(createChain(network.ready), network.ready);
  const territory = await callRPC<Record<string, unknown>>(rpc, "cess_territory", [id]);
  assert.equal(String(territory["owner"]).toLowerCase(), network.ready.owner.account);
});

for (const [what, sizeBytes] of [
  ["a bundle", 10 * KIB],
  ["a file of its own", 2 * MIB],
] as const) {
  test(`a PUT that asks to be declared returns when the chain has it: ${what}`, async () => {
    const { rpc } = network.ready;
    const s3 = createS3(network.ready);
    s3.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers["x-cess-durability"] = "declared";
        return next(args);
      },
      { step: "build", name: "durability" },
    );
    const Bucket = `declared-${sizeBytes}`;
    await s3.send(new CreateBucketCommand({ Bucket }));
    const fromBlock = (await heightOf(rpc)) + 1;
    const startMs = performance.now();
    const Body = contentBytes(what, sizeBytes);
    await s3.send(new PutObjectCommand({ Bucket, Key: "now", Body }));
    say(`declared after ${Math.round(performance.now() - startMs)} ms`);

    const [fid, ...others] = await declaredIds(createChain(network.ready), fromBlock);
    assert(fid !== undefined && others.length === 0, "one file was declared");
    interface File {
      readonly fid: string;
      readonly sizeBytes: string;
      readonly owners: readonly { readonly account: string }[];
      readonly holdings: readonly { readonly miner: string }[];
    }
    const file = await callRPC<File>(rpc, "cess_file", [fid]);
    assert.equal(file.fid, fid);
    assert(Number(file.sizeBytes) >= sizeBytes);
    assert.deepEqual(
      file.owners.map(({ account }) => account.toLowerCase()),
      [network.ready.owner.account],
    );
    assert.equal(new Set(file.holdings.map(({ miner }) => miner)).size, 12);
  });
}
