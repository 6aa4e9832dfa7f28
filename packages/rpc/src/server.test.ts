import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { notebook, notebookAbi } from "@cess/execution/testing/notebook";
import { provenValue } from "@cess/execution/testing/proof-check";
import { MODULE_ERROR_SIGNATURE } from "@cess/protocol/error";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import {
  type BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  fromRlp,
  hexToBytes,
  http,
  keccak256,
  parseAbi,
} from "viem";
import { forwarderRuntime, initCode, STORAGE_RUNTIME } from "./testing/bytecode.ts";
import { alice, type Fixture, startFixture } from "./testing/fixture.ts";

const GWEI = 10n ** 9n;
const OTHER: Hex = `0x${"0b".repeat(20)}`;
const NOTEBOOK = notebook.address;
const ABI = [...notebookAbi, ...parseAbi([MODULE_ERROR_SIGNATURE])] as const;

let fixture: Fixture;
let clients: ReturnType<typeof createClients>;

before(async () => {
  fixture = await startFixture();
  clients = createClients(fixture.server.url);
});

after(() => fixture.stop());

function createClients(url: string) {
  const chain = defineChain({
    id: 11330,
    name: "dev",
    nativeCurrency: { name: "CESS", symbol: "CESS", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const transport = http(url, { retryCount: 0 });
  const reader = createPublicClient({ chain, transport, pollingInterval: 20, cacheTime: 0 });
  const wallet = createWalletClient({ chain, transport, account: alice });
  return { reader, wallet };
}

async function deploy(runtime: string): Promise<Hex> {
  const { reader, wallet } = clients;
  const hash = await wallet.sendTransaction({ data: initCode(runtime) });
  const { contractAddress, status } = await reader.getTransactionReceipt({ hash });
  assert.equal(status, "success");
  return contractAddress as Hex;
}

function revertOf(cause: unknown): string {
  const found = (cause as BaseError).walk((each) => each instanceof ContractFunctionRevertedError);
  const { data } = found as ContractFunctionRevertedError;
  return `${data?.errorName} ${data?.args?.join(": ")}`;
}

test("transactions of each kind are estimated, sent, mined and found again", async () => {
  const { reader, wallet } = clients;
  const kinds = [
    { type: "legacy", gasPrice: 5n * GWEI },
    { type: "eip2930", gasPrice: 5n * GWEI, accessList: [{ address: OTHER, storageKeys: [] }] },
    { type: "eip1559" },
  ] as const;
  for (const kind of kinds) {
    const before = await reader.getBalance({ address: OTHER });
    const hash = await wallet.sendTransaction({ to: OTHER, value: 7n, ...kind } as never);
    const receipt = await reader.getTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    assert.equal(receipt.from, alice.address.toLowerCase());
    const transaction = await reader.getTransaction({ hash });
    assert.equal(transaction.type, kind.type);
    assert.equal(transaction.blockHash, receipt.blockHash);
    assert.equal(await reader.getBalance({ address: OTHER }), before + 7n);
  }
  assert.equal(await reader.getTransactionCount({ address: alice.address }), 3);
  assert.equal(await reader.estimateGas({ account: alice, to: OTHER, value: 1n }), 21_000n);
});

test("blocks by height, hash and tag, with hashes or whole transactions", async () => {
  const { reader, wallet } = clients;
  const hash = await wallet.sendTransaction({ to: OTHER, value: 1n });
  const latest = await reader.getBlock({ includeTransactions: true });
  assert.equal(latest.transactions[0]?.hash, hash);
  assert.deepEqual(
    await reader.getBlock({ blockHash: latest.hash, includeTransactions: true }),
    latest,
  );
  const final = await reader.getBlock({ blockTag: "finalized" });
  assert.deepEqual(final.transactions, [hash]);
  assert.equal(latest.number, await reader.getBlockNumber());
  assert.equal((await reader.getBlock({ blockTag: "earliest" })).number, 0n);
  assert.equal(latest.mixHash.length, 66);
  await assert.rejects(reader.getBlock({ blockNumber: 10_000n }), /could not be found/);
  const count = await reader.getBlockTransactionCount({ blockNumber: latest.number });
  assert.equal(count, 1);
});

test("a contract is deployed, called, and its storage read and proven", async () => {
  const { reader, wallet } = clients;
  const contract = await deploy(STORAGE_RUNTIME);
  const word: Hex = `0x${"00".repeat(30)}abcd`;
  await wallet.sendTransaction({ to: contract, data: word });
  assert.equal((await reader.call({ to: contract })).data, word);
  assert.equal(await reader.getStorageAt({ address: contract, slot: "0x0" }), word);
  assert.equal(await reader.getCode({ address: contract }), `0x${STORAGE_RUNTIME}`);
  const slot: Hex = `0x${"00".repeat(32)}`;
  const proof = await reader.getProof({ address: contract, storageKeys: [slot] });
  const { stateRoot } = await reader.getBlock();
  await provenAccount(stateRoot, contract, proof);
  assert.equal(proof.storageProof[0]?.value, 0xabcdn);
});

async function provenAccount(
  stateRoot: Hex,
  address: Hex,
  proof: { readonly accountProof: readonly Hex[]; readonly storageHash: Hex },
): Promise<void> {
  const nodes = proof.accountProof.map((each) => hexToBytes(each));
  const key = hexToBytes(keccak256(address));
  const account = await provenValue(key, nodes);
  assert(account instanceof Uint8Array);
  assert.equal(keccak256(nodes[0] as Uint8Array), stateRoot);
  assert.equal((fromRlp(account, "hex") as Hex[])[2], proof.storageHash);
}

test("a module's call, event, view and error, through an unmodified client", async () => {
  const { reader, wallet } = clients;
  const key = keccak256("0x01");
  const text: Hex = `0x00${"5a".repeat(99)}`;
  const { request } = await reader.simulateContract({
    address: NOTEBOOK,
    abi: ABI,
    functionName: "note",
    args: [key, text],
    account: alice,
  });
  const hash = await wallet.writeContract(request);
  const receipt = await reader.getTransactionReceipt({ hash });
  const logs = await reader.getContractEvents({ address: NOTEBOOK, abi: ABI, eventName: "Noted" });
  assert.equal(logs[0]?.transactionHash, hash);
  assert.deepEqual(logs[0]?.args, { key, writer: alice.address, sizeBytes: 100n });
  assert.equal(receipt.logs.length, 1);
  const view = { address: NOTEBOOK, abi: ABI, functionName: "noteOf" } as const;
  assert.deepEqual(await reader.readContract({ ...view, args: [key] }), [alice.address, text]);
  const refused = reader.readContract({ ...view, args: [keccak256("0x02")] });
  await assert.rejects(refused, (cause) => revertOf(cause).startsWith("ModuleError NOT_FOUND"));
  assert.equal(await reader.getCode({ address: NOTEBOOK }), "0xfe");
});

test("a contract calls a module: it is the caller, and passes value on", async () => {
  const { reader, wallet } = clients;
  const forwarder = await deploy(forwarderRuntime(NOTEBOOK, "call"));
  const key = keccak256("0x03");
  const through = { address: forwarder, abi: ABI } as const;
  await wallet.writeContract({ ...through, functionName: "note", args: [key, "0x1234"] });
  const view = { address: NOTEBOOK, abi: ABI, functionName: "noteOf", args: [key] } as const;
  const [writer] = await reader.readContract(view);
  assert.equal(writer.toLowerCase(), forwarder.toLowerCase());
  await wallet.writeContract({ ...through, functionName: "deposit", value: 500n });
  assert.equal(await reader.getBalance({ address: NOTEBOOK }), 500n);
  await wallet.writeContract({ ...through, functionName: "withdraw", args: [200n] });
  assert.equal(await reader.getBalance({ address: NOTEBOOK }), 300n);
  assert.equal(await reader.getBalance({ address: forwarder }), 200n);
});

test("attack: DELEGATECALL and CALLCODE to a module are refused", async () => {
  const { reader } = clients;
  for (const kind of ["delegatecall", "callcode"] as const) {
    const address = await deploy(forwarderRuntime(NOTEBOOK, kind));
    const call = reader.simulateContract({
      address,
      abi: ABI,
      functionName: "note",
      args: [keccak256("0x04"), "0x12"],
      account: alice,
    });
    await assert.rejects(call, (cause) => revertOf(cause).startsWith("ModuleError NOT_ALLOWED"));
  }
});

test("attack: a module cannot be made to write under STATICCALL", async () => {
  const { reader } = clients;
  const address = await deploy(forwarderRuntime(NOTEBOOK, "staticcall"));
  const key = keccak256("0x03");
  const through = { address, abi: ABI } as const;
  const write = reader.simulateContract({
    ...through,
    functionName: "note",
    args: [key, "0x12"],
    account: alice,
  });
  await assert.rejects(write, (cause) => revertOf(cause).startsWith("ModuleError STATIC_CALL"));
  const [, text] = await reader.readContract({ ...through, functionName: "noteOf", args: [key] });
  assert.equal(text, "0x1234");
});

test("attack: what a failing call of a module wrote is gone, and the chain goes on", async () => {
  const { reader, wallet } = clients;
  const { storageHash } = await reader.getProof({ address: NOTEBOOK, storageKeys: [] });
  const balance = await reader.getBalance({ address: NOTEBOOK });
  for (const functionName of ["refuse", "crash", "spin"] as const) {
    const args = functionName === "spin" ? [] : [keccak256("0x05")];
    const call = { address: NOTEBOOK, abi: ABI, functionName, args, gas: 200_000n };
    const hash = await wallet.writeContract(call as never);
    const receipt = await reader.getTransactionReceipt({ hash });
    assert.equal(receipt.status, "reverted");
    assert.equal(receipt.logs.length, 0);
    const isFault = functionName !== "refuse";
    assert.equal(receipt.gasUsed === 200_000n, isFault, `${functionName} used ${receipt.gasUsed}`);
  }
  const payless = { address: NOTEBOOK, abi: ABI, functionName: "note", value: 5n } as const;
  const args = [keccak256("0x06"), "0x12"] as const;
  await wallet.writeContract({ ...payless, args, gas: 200_000n } as never);
  const after = await reader.getProof({ address: NOTEBOOK, storageKeys: [] });
  assert.equal(after.storageHash, storageHash);
  assert.equal(after.balance, balance);
});

test("the estimate of a module call is enough, and not far above what is needed", async () => {
  const { reader, wallet } = clients;
  const call = { address: NOTEBOOK, abi: ABI, functionName: "note", account: alice } as const;
  const args = [keccak256("0x07"), `0x${"77".repeat(3000)}`] as const;
  const gas = await reader.estimateContractGas({ ...call, args });
  const hash = await wallet.writeContract({ ...call, args, gas });
  const receipt = await reader.getTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  assert(gas - receipt.gasUsed <= gas / 32n, `${gas} estimated, ${receipt.gasUsed} used`);
});

test("a module's record, longer than a slot, is proven by eth_getProof", async () => {
  const { reader } = clients;
  const found = fixture.executor.storageAt(NOTEBOOK, slotOfNote(keccak256("0x01")), "latest");
  assert(found.length > 100);
  const slot = bytesToHex(slotOfNote(keccak256("0x01")));
  const proof = await reader.getProof({ address: NOTEBOOK, storageKeys: [slot] });
  const { stateRoot } = await reader.getBlock();
  await provenAccount(stateRoot, NOTEBOOK, proof);
  const nodes = (proof.storageProof[0]?.proof ?? []).map((each) => hexToBytes(each));
  assert.equal(keccak256(nodes[0] as Uint8Array), proof.storageHash);
  const key = hexToBytes(keccak256(slot));
  const value = await provenValue(key, nodes);
  assert.equal(fromRlp(value as Uint8Array, "hex"), bytesToHex(found));
});

function slotOfNote(key: Hex): Uint8Array {
  const preimage = Buffer.concat([Buffer.from("notes\0"), hexToBytes(key)]);
  return new Uint8Array(createHash("sha256").update(preimage).digest());
}
