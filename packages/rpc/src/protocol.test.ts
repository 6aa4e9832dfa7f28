import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { notebook, notebookAbi } from "@cess/execution/testing/notebook";
import type { Hex } from "@cess/std/bytes";
import { encodeFunctionData, keccak256 } from "viem";
import { BATCH_COUNT_MAX } from "./dispatcher.ts";
import { BODY_BYTES_MAX } from "./server.ts";
import { alice, type Fixture, startFixture } from "./testing/fixture.ts";

const GWEI = 10n ** 9n;
const OTHER: Hex = `0x${"0b".repeat(20)}`;
let fixture: Fixture;
let nonce = 0;

before(async () => {
  fixture = await startFixture();
});
after(() => fixture.stop());

interface Answer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Hex };
}

async function post(body: string): Promise<{ status: number; json: Answer & readonly Answer[] }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(fixture.server.url, { method: "POST", body, headers });
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
}

async function ask(method: string, ...params: readonly unknown[]): Promise<Answer> {
  return (await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))).json;
}

async function resultOf<T>(method: string, ...params: readonly unknown[]): Promise<T> {
  const { result, error } = await ask(method, ...params);
  assert.equal(error, undefined);
  return result as T;
}

async function codeOf(method: string, ...params: readonly unknown[]): Promise<number | undefined> {
  return (await ask(method, ...params)).error?.code;
}

async function send(to: Hex, data: Hex = "0x", chainId = 11330): Promise<Hex> {
  const gas = data === "0x" ? 21_000n : 200_000n;
  const fees = { maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: GWEI };
  const signed = await alice.signTransaction({ chainId, to, data, nonce, gas, ...fees });
  if (chainId === 11330) nonce += 1;
  return signed;
}

function note(seed: number): Hex {
  const args = [keccak256(Uint8Array.of(seed)), "0x1234"] as const;
  return encodeFunctionData({ abi: notebookAbi, functionName: "note", args });
}

test("malformed JSON, requests that are none, unknown methods", async () => {
  assert.equal((await post("{")).json.error?.code, -32700);
  assert.equal((await post("17")).json.error?.code, -32600);
  assert.equal((await post('{"jsonrpc":"1.0","id":1,"method":"x"}')).json.error?.code, -32600);
  assert.equal(await codeOf("eth_sign"), -32601);
  assert.equal(await codeOf("constructor"), -32601);
  assert.equal((await post("[]")).json.error?.code, -32600);
});

test("a batch answers each of its requests, and is bounded", async () => {
  const one = { jsonrpc: "2.0", method: "eth_chainId", params: [] };
  const batch = [{ ...one, id: 1 }, one, { ...one, id: "b", method: "nope" }];
  const { json } = await post(JSON.stringify(batch));
  assert.deepEqual(
    json.map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      ["b", -32601],
    ],
  );
  const many = Array.from({ length: BATCH_COUNT_MAX + 1 }, (_, id) => ({ ...one, id }));
  assert.equal((await post(JSON.stringify(many))).json.error?.code, -32005);
});

test("attack: a body above the limit is refused before it is read", async () => {
  const { status } = await post(" ".repeat(BODY_BYTES_MAX + 1));
  assert.equal(status, 413);
});

test("parameters of the wrong form are named", async () => {
  const cases = [
    ["eth_getBalance", "0x12", "latest"],
    ["eth_getBalance", OTHER, "soon"],
    ["eth_getBlockByNumber", "0x01", false],
    ["eth_getBlockByHash", "0x00", false],
    ["eth_call", "0x", "latest"],
    ["eth_call", { to: OTHER, data: "0x1" }, "latest"],
    ["eth_getLogs", { topics: ["0x12"] }],
    ["eth_feeHistory", "0x5", "latest", [50, 10]],
    ["eth_getProof", OTHER, "0x", "latest"],
    ["cess_file", "0x12"],
  ] as const;
  for (const [method, ...params] of cases) {
    assert.equal(await codeOf(method, ...params), -32602, `${method} ${JSON.stringify(params)}`);
  }
  assert.equal(await codeOf("eth_getBalance", OTHER, "0xffff"), -32001);
});

test("transactions that cannot run are refused with the reason", async () => {
  const malformed = await ask("eth_sendRawTransaction", "0xc180");
  assert.match(malformed.error?.message ?? "", /malformed transaction/);
  const blob = await ask("eth_sendRawTransaction", "0x03c0");
  assert.match(blob.error?.message ?? "", /type 3 is not supported/);
  const foreign = await ask("eth_sendRawTransaction", await send(OTHER, "0x", 1));
  assert.match(foreign.error?.message ?? "", /chain id/);
  const raw = await send(OTHER);
  await resultOf("eth_sendRawTransaction", raw);
  const again = await ask("eth_sendRawTransaction", raw);
  assert.match(again.error?.message ?? "", /nonce too low/);
});

test("a call that a module refuses carries the revert data and says why", async () => {
  const unknown = await ask("eth_call", { to: notebook.address, data: "0x12345678" }, "latest");
  assert.equal(unknown.error?.code, 3);
  assert.match(unknown.error?.message ?? "", /FUNCTION_UNKNOWN: 0x12345678/);
  assert((unknown.error?.data?.length ?? 0) > 100);
});

test("what waits is pending, and is counted in the pending nonce", async () => {
  fixture.node.isHeld = true;
  const hash = await resultOf<Hex>("eth_sendRawTransaction", await send(OTHER));
  const found = await resultOf<{ blockHash: unknown }>("eth_getTransactionByHash", hash);
  assert.equal(found.blockHash, null);
  assert.equal(await resultOf("eth_getTransactionReceipt", hash), null);
  const own = alice.address;
  assert.equal(
    await resultOf("eth_getTransactionCount", own, "latest"),
    `0x${(nonce - 1).toString(16)}`,
  );
  assert.equal(
    await resultOf("eth_getTransactionCount", own, "pending"),
    `0x${nonce.toString(16)}`,
  );
  await fixture.node.produce();
  fixture.node.isHeld = false;
  assert.notEqual(await resultOf("eth_getTransactionReceipt", hash), null);
});

test("filters report what came since they were asked last", async () => {
  const logs = await resultOf<Hex>("eth_newFilter", { address: notebook.address });
  const blocks = await resultOf<Hex>("eth_newBlockFilter");
  const pending = await resultOf<Hex>("eth_newPendingTransactionFilter");
  const hash = await resultOf<Hex>("eth_sendRawTransaction", await send(notebook.address, note(1)));
  const found = await resultOf<readonly { transactionHash: Hex }[]>("eth_getFilterChanges", logs);
  assert(found.some(({ transactionHash }) => transactionHash === hash));
  assert.equal((await resultOf<unknown[]>("eth_getFilterChanges", blocks)).length, 1);
  assert.deepEqual(await resultOf("eth_getFilterChanges", pending), [hash]);
  for (const id of [logs, blocks, pending]) {
    assert.deepEqual(await resultOf("eth_getFilterChanges", id), []);
    assert.equal(await resultOf("eth_uninstallFilter", id), true);
  }
  assert.equal(await codeOf("eth_getFilterChanges", logs), -32001);
});

test("logs of block hooks are found, under a hash of their own", async () => {
  do await fixture.node.produce();
  while (fixture.executor.head().height % 3n !== 0n);
  const { height, hash } = fixture.executor.head();
  const [log, ...rest] = await resultOf<
    readonly { transactionHash: Hex; data: Hex; blockHash: Hex }[]
  >("eth_getLogs", { address: notebook.address, fromBlock: `0x${height.toString(16)}` });
  assert.deepEqual(rest, []);
  assert.equal(log?.blockHash, hash);
  assert.equal(BigInt(log?.data ?? "0x0"), height);
  assert.equal(await resultOf("eth_getTransactionByHash", log?.transactionHash), null);
  assert.deepEqual(await resultOf("eth_getLogs", { blockHash: hash }), [log]);
  const none = await resultOf("eth_getLogs", { blockHash: hash, topics: [`0x${"11".repeat(32)}`] });
  assert.deepEqual(none, []);
});

test("fee history and prices, as wallets read them", async () => {
  const history = await resultOf<{
    baseFeePerGas: readonly Hex[];
    reward: readonly (readonly Hex[])[];
  }>("eth_feeHistory", "0x3", "latest", [50]);
  assert.equal(history.baseFeePerGas.length, 4);
  assert(BigInt(history.baseFeePerGas[3] as Hex) >= GWEI);
  assert.equal(history.reward.length, 3);
  assert(BigInt(await resultOf<Hex>("eth_gasPrice")) > GWEI);
});

test("the node says what it is", async () => {
  assert.equal(await resultOf("net_version"), "11330");
  assert.equal(await resultOf("net_peerCount"), "0x3");
  assert.equal(await resultOf("eth_syncing"), false);
  assert.match(await resultOf<string>("web3_clientVersion"), /^cess\//);
  assert.equal(await resultOf("web3_sha3", "0x"), keccak256("0x"));
  const status = await resultOf<{ network: string; head: { hash: Hex } }>("cess_status");
  assert.equal(status.network, "dev");
  assert.equal(status.head.hash, fixture.executor.head().hash);
});

test("subscriptions tell of heads, logs and pending transactions", async () => {
  const socket = new WebSocket(fixture.server.url.replace("http", "ws"));
  const messages: { id?: number; result?: unknown; params?: { result: unknown } }[] = [];
  let wake = () => undefined as unknown;
  socket.addEventListener("message", ({ data }) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  const until = async (count: number) => {
    while (messages.length < count) await new Promise((resolve) => (wake = () => resolve(0)));
  };
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const request = (id: number, method: string, params: readonly unknown[]) => {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  };
  request(1, "eth_subscribe", ["newHeads"]);
  request(2, "eth_subscribe", ["logs", { address: notebook.address }]);
  request(3, "eth_subscribe", ["newPendingTransactions"]);
  request(4, "eth_subscribe", ["weather"]);
  await until(4);
  const hash = await resultOf<Hex>("eth_sendRawTransaction", await send(notebook.address, note(2)));
  await until(7);
  const told = messages.slice(4).map(({ params }) => params?.result);
  assert(told.includes(hash));
  assert(told.some((each) => (each as { transactionHash?: Hex }).transactionHash === hash));
  const head = fixture.executor.summaryAt("latest").hash;
  assert(told.some((each) => (each as { hash?: Hex }).hash === head));
  request(5, "eth_unsubscribe", [messages[0]?.result]);
  await until(messages.length + 1);
  assert.equal(messages.at(-1)?.result, true);
  socket.close();
});
