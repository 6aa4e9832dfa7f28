import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@cess/std/error";
import { decodeErrorResult, parseAbi } from "viem";
import { MODULE_ADDRESSES } from "./addresses.ts";
import { encodeModuleError, MODULE_ERROR_SIGNATURE, ModuleError } from "./error.ts";
import { createEmit } from "./events.ts";
import { createModuleSet, defineModule, type Genesis, type Handlers } from "./module.ts";
import { address, defineIndexedSet, defineTable, NO_GROUP, u256, unit } from "./storage.ts";
import { MemoryChain, moduleAt } from "./testing/memory-host.ts";

const abi = parseAbi([
  "event Put(address indexed who, uint256 amount)",
  "function put(uint256 amount) payable",
  "function steal(uint256 amount) view returns (uint256)",
  "function amountOf(address who) view returns (uint256 amount, bool isKnown)",
]);
const amounts = defineTable({ module: "params", name: "amounts" }, address, u256);
const emit = createEmit("params", abi);
const calls: Handlers<typeof abi> = {
  async put(context, [amount]) {
    await amounts.set(context, context.caller, amount);
    emit(context, "Put", { who: context.caller, amount });
    if (amount === 13n) throw new ModuleError("ARGUMENT_INVALID", "unlucky");
  },
  async steal(context, [amount]) {
    await amounts.set(context, context.caller, amount);
    return amount;
  },
  async amountOf(context, [who]) {
    const amount = await amounts.get(context, who);
    return [amount ?? 0n, amount !== undefined];
  },
};
const demo = defineModule("params", abi, { calls });
const USER = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045";
const genesis: Genesis = {
  spec: "dev",
  timestampSeconds: 0n,
  alloc: [{ address: USER, balanceWei: 100n }],
  validators: [],
  timelock: USER,
};
const at = moduleAt("params", abi);

function createChain(): Promise<MemoryChain> {
  return MemoryChain.create({ modules: createModuleSet([demo]), genesis });
}

test("a call writes, emits and is charged; addresses have one spelling", async () => {
  const chain = await createChain();
  await chain.send(at, "put", [7n], { from: USER, value: 3n });
  assert.deepEqual(await chain.view(at, "amountOf", [USER]), [7n, true]);
  assert.equal(chain.decoded(at)[0]?.args["amount"], 7n);
  assert(chain.gasUsed > 3000n);
  assert.equal(chain.balanceOf(MODULE_ADDRESSES.params), 3n);
});

test("a refused call leaves nothing behind", async () => {
  const chain = await createChain();
  await assert.rejects(
    chain.send(at, "put", [13n], { from: USER, value: 3n }),
    refused("ARGUMENT_INVALID"),
  );
  assert.deepEqual([chain.slotCount, chain.events.length, chain.balanceOf(USER)], [0, 0, 100n]);
});

test("attack: writing from a view or under STATICCALL", async () => {
  const chain = await createChain();
  await assert.rejects(chain.send(at, "steal", [1n], { from: USER }), refused("STATIC_CALL"));
  await assert.rejects(chain.view(at, "put", [1n]), refused("STATIC_CALL"));
});

test("attack: unknown selectors, short and overlong calldata, money for free functions", async () => {
  const chain = await createChain();
  const send = (data: `0x${string}`, value = 0n) =>
    chain.sendRaw(at.address, data, { from: USER, value });
  await assert.rejects(send("0x"), refused("FUNCTION_UNKNOWN"));
  await assert.rejects(send("0xdeadbeef"), refused("FUNCTION_UNKNOWN"));
  const [selector] = demo.calls.keys();
  await assert.rejects(send(`${selector as "0x"}00`), refused("CALLDATA_MALFORMED"));
  const view = [...demo.calls].find(([, bound]) => bound.item.name === "steal")?.[0] as "0x";
  await assert.rejects(send(`${view}${"00".repeat(32)}`, 1n), refused("NOT_PAYABLE"));
});

test("refusals are encoded as a custom error", () => {
  const data = encodeModuleError(new ModuleError("NOT_FOUND", "no such file"));
  const decoded = decodeErrorResult({ abi: parseAbi([MODULE_ERROR_SIGNATURE]), data });
  assert.deepEqual(decoded.args, ["NOT_FOUND", "no such file"]);
});

test("an indexed set has no holes, whatever is removed", async () => {
  const chain = await createChain();
  const set = defineIndexedSet({ module: "params", name: "set" }, unit, u256);
  const host = chain.host();
  for (const value of [1n, 2n, 3n, 2n]) await set.add(host, NO_GROUP, value);
  await set.remove(host, NO_GROUP, 1n);
  await set.remove(host, NO_GROUP, 9n);
  assert.deepEqual(await set.page(host, NO_GROUP, { offset: 0n, count: 9n }), [3n, 2n]);
  assert.deepEqual(await set.page(host, NO_GROUP, { offset: 2n ** 200n, count: 2n ** 200n }), []);
  await set.remove(host, NO_GROUP, 3n);
  await set.remove(host, NO_GROUP, 2n);
  assert.equal(chain.slotCount, 0);
});

function refused(code: string): (cause: unknown) => boolean {
  return (cause) => hasCode(cause, code);
}
