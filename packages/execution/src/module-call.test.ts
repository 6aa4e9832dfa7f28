import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createBLSKeyPair, provePossession } from "@cess/crypto/bls";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { DEV } from "@cess/params/chain-spec";
import { minersAbi } from "@cess/protocol/abi/miners";
import { territoryAbi } from "@cess/protocol/abi/territory";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import { createModules } from "@cess/protocol/modules";
import { testVerifier } from "@cess/protocol/testing/world";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { CESS, GIB } from "@cess/std/units";
import { EVMError, type ExecResult } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { type AbiParameter, encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createBlockHashes } from "./block-runner.ts";
import { BlockStore } from "./block-store.ts";
import type { BlockSummary } from "./block-summary.ts";
import { CALL_GAS_MAX, type CallRequest } from "./call-runner.ts";
import { chainCommon } from "./chain-common.ts";
import { ExecutionError } from "./error.ts";
import { type Executor, openExecutor } from "./executor.ts";
import { ModuleEVM } from "./module-evm.ts";
import { WorldState } from "./world-state.ts";

const GWEI = 10n ** 9n;
const directory = mkdtempSync(join(tmpdir(), "cess-module-call-"));
const modules = createModules({ proofVerifier: testVerifier });
const alice = privateKeyToAccount(`0x${"a1".repeat(32)}`);
const ALICE = alice.address.toLowerCase() as Hex;
const BUY = encodeFunctionData({
  abi: territoryAbi,
  functionName: "buy",
  args: ["photos", BigInt(GIB), 1000n],
});
const ID_OF_PHOTOS = {
  to: MODULE_ADDRESSES.territory,
  data: hexToBytes(
    encodeFunctionData({ abi: territoryAbi, functionName: "idOf", args: [ALICE, "photos"] }),
  ),
};
const LIST_TERRITORIES = {
  to: MODULE_ADDRESSES.territory,
  data: hexToBytes(
    encodeFunctionData({
      abi: territoryAbi,
      functionName: "listTerritories",
      args: [ALICE, 0n, 100n],
    }),
  ),
};
let executor: Executor;
let nonce = 0;

before(async () => {
  const validators = [1, 2, 3, 4].map(createValidator);
  executor = await openExecutor({
    directory,
    modules,
    genesis: {
      spec: "dev",
      timestampSeconds: 1_800_000_000n,
      alloc: [
        { address: ALICE, balanceWei: 1_000_000n * CESS },
        ...validators.map(({ account, bondedWei }) => ({
          address: account,
          balanceWei: bondedWei,
        })),
      ],
      validators,
      timelock: `0x${"77".repeat(20)}`,
    },
  });
});

after(async () => {
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

/** Makes a block of one transaction; true if it succeeded. */
async function send(to: Hex, data: Hex, options: { value: bigint; gas: bigint }) {
  const fees = { maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI };
  const raw = await alice.signTransaction({ chainId: 11330, nonce, to, data, ...fees, ...options });
  nonce += 1;
  const { hash } = await executor.buildBlock({
    timestampSeconds: 0n,
    proposer: ALICE,
    beacon: new Uint8Array(32).fill(nonce),
    lastCertificateHash: new Uint8Array(32),
    transactions: [hexToBytes(raw)],
  });
  await executor.commitBlock(hash);
  const [receipt] = executor.outcomeAt(hash).receipts;
  assert(receipt !== undefined);
  return receipt;
}

test("an estimate is exactly what the transaction needs, for calls with money too", async () => {
  const { secretKey, publicKey } = createBLSKeyPair(new Uint8Array(32).fill(9));
  const keys = [bytesToHex(publicKey), bytesToHex(provePossession(secretKey))] as const;
  const register = encodeFunctionData({
    abi: minersAbi,
    functionName: "register",
    args: [...keys, "http://127.0.0.1:15001", "eu", 1024n * BigInt(GIB)],
  });
  const cases = [
    { to: MODULE_ADDRESSES.territory, data: BUY, value: 100n * CESS },
    { to: MODULE_ADDRESSES.miners, data: register, value: DEV.minerStakePerTiBWei },
  ];
  for (const { to, data, value } of cases) {
    const request = { from: ALICE, to, data: hexToBytes(data), valueWei: value };
    const gas = await executor.estimateGas(request, "latest");
    await assert.rejects(executor.estimateGas({ ...request, gas: gas - 1n }, "latest"), (cause) =>
      hasCode(cause, "CALL_FAILED"),
    );
    const short = await send(to, data, { value, gas: gas - 1n });
    assert(!short.succeeded);
    const enough = await send(to, data, { value, gas });
    assert(enough.succeeded);
    assert.equal(enough.gasUsed, gas);
  }
});

test("an estimate says why a call cannot succeed", async () => {
  const to = MODULE_ADDRESSES.territory;
  const request = { from: ALICE, to, data: hexToBytes(BUY) };
  await assert.rejects(executor.estimateGas(request, "latest"), (cause) =>
    hasCode(cause, "CALL_REVERTED"),
  );
  const poor = { ...request, from: `0x${"01".repeat(20)}`, valueWei: 1n } as const;
  await assert.rejects(executor.estimateGas(poor, "latest"), (cause) =>
    hasCode(cause, "FUNDS_INSUFFICIENT"),
  );
});

test("answers follow the head, stay those of their block, and cannot be changed by a caller", async () => {
  const before = executor.head().hash;
  const asked = await Promise.all([1, 2, 3].map(() => executor.call(LIST_TERRITORIES, "latest")));
  const expected = asked[0]!.slice();
  asked[1]!.fill(0xff);
  assert.deepEqual(await executor.call(LIST_TERRITORIES, "latest"), expected);
  const more = encodeFunctionData({
    abi: territoryAbi,
    functionName: "buy",
    args: ["music", BigInt(GIB), 1000n],
  });
  const bought = { value: 100n * CESS, gas: 500_000n };
  assert((await send(MODULE_ADDRESSES.territory, more, bought)).succeeded);
  assert.notDeepEqual(await executor.call(LIST_TERRITORIES, "latest"), expected);
  assert.deepEqual(await executor.call(LIST_TERRITORIES, before), expected);
});

test("attack: an answer with other gas, or after a failure, is not mistaken for this one", async () => {
  const short = { ...LIST_TERRITORIES, gas: 2000n };
  for (let round = 0; round < 2; round += 1) {
    await assert.rejects(executor.call(short, "latest"), (cause) => hasCode(cause, "CALL_FAILED"));
    assert((await executor.call(LIST_TERRITORIES, "latest")).length > 0);
  }
});

test("every view answers as through the EVM, with the same gas", async () => {
  const territory = bytesToHex(await executor.call(ID_OF_PHOTOS, "latest"));
  const calls = modules.definitions.flatMap(({ address: to, abi }) =>
    abi.flatMap((item) => {
      if (item.type !== "function" || item.stateMutability !== "view") return [];
      return [ALICE, executor.head().hash].map((some) => {
        const args = item.inputs.map((input) => sampleOf(input, { territory, some }));
        const data = hexToBytes(encodeFunctionData({ abi: [item], args }));
        return { to, data, name: item.name };
      });
    }),
  );
  assert(calls.length > 50);
  const reference = await openReference(executor.head());
  let answered = 0;
  try {
    for (const { to, data, name } of calls) {
      const expected = await reference.run({ to, data });
      assert.deepEqual(await outcomeOf({ to, data }), expected.outcome, name);
      if (expected.outcome.code === "ANSWERED") answered += 1;
      const gas = expected.gasUsed;
      assert.deepEqual(await outcomeOf({ to, data, gas }), expected.outcome, `${name} ${gas}`);
      const short = await outcomeOf({ to, data, gas: gas - 1n });
      assert.equal(short.code, "CALL_FAILED", `${name} ${gas - 1n}`);
    }
  } finally {
    await reference.close();
  }
  assert(answered > 30, `${answered} of ${calls.length} answered`);
});

function sampleOf({ type }: AbiParameter, known: { territory: Hex; some: Hex }): unknown {
  if (type === "address") return known.some.slice(0, 42);
  if (type === "bytes32") return known.some === ALICE ? known.territory : known.some;
  if (type === "string") return known.some === ALICE ? "photos" : "none";
  return type === "uint8" || type === "uint16" ? 1 : 7n;
}

interface Outcome {
  readonly code: string;
  readonly data: Hex;
}

async function outcomeOf(request: CallRequest): Promise<Outcome> {
  try {
    return { code: "ANSWERED", data: bytesToHex(await executor.call(request, "latest")) };
  } catch (cause) {
    if (!(cause instanceof ExecutionError)) throw cause;
    const { detail } = cause;
    return { code: detail.code, data: detail.code === "CALL_REVERTED" ? detail.data : "0x" };
  }
}

/** The EVM itself, over the same database. */
async function openReference(head: BlockSummary) {
  const store = new BlockStore(directory);
  const common = chainCommon(DEV);
  return {
    async run({ to, data }: { readonly to: Hex; readonly data: Uint8Array }) {
      const state = new WorldState(store, hexToBytes(head.stateRoot));
      const blockchain = createBlockHashes(store);
      const evm = new ModuleEVM({ common, spec: DEV, modules, state, blockchain, block: head });
      const address = new Address(hexToBytes(to));
      const { execResult } = await evm.runCall({ to: address, data, gasLimit: CALL_GAS_MAX });
      return { outcome: outcomeOfResult(execResult), gasUsed: execResult.executionGasUsed };
    },
    close: () => store.close(),
  };
}

function outcomeOfResult({ exceptionError, returnValue }: ExecResult): Outcome {
  if (exceptionError === undefined) return { code: "ANSWERED", data: bytesToHex(returnValue) };
  assert.equal(exceptionError.error, EVMError.errorMessages.REVERT);
  return { code: "CALL_REVERTED", data: bytesToHex(returnValue) };
}
