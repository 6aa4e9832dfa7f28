import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { keccak256 } from "@cess/crypto/secp256k1";
import { createModuleSet, defineModule, type Genesis } from "@cess/protocol/module";
import { bigintToBytes, bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { CESS } from "@cess/std/units";
import { RLP } from "@ethereumjs/rlp";
import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ExecutionError } from "./error.ts";
import { type Executor, openExecutor } from "./executor.ts";
import { hookHash } from "./log-query.ts";
import { notebook, notebookAbi, notebookCalls } from "./testing/notebook.ts";
import { provenValue } from "./testing/proof-check.ts";

const directory = mkdtempSync(join(tmpdir(), "cess-module-evm-"));
const PROPOSER: Hex = `0x${"99".repeat(20)}`;
const SYSTEM: Hex = `0x${"c000".padStart(40, "0")}`;
const CERTIFICATE = new Uint8Array(32).fill(0xce);
const alice = privateKeyToAccount(`0x${"a1".repeat(32)}`);
const ALICE = alice.address.toLowerCase() as Hex;
const GENESIS: Genesis = {
  spec: "dev",
  timestampSeconds: 1_800_000_000n,
  alloc: [{ address: ALICE, balanceWei: CESS }],
  validators: [
    {
      account: PROPOSER,
      blsPublicKey: new Uint8Array(48),
      blsProof: new Uint8Array(96),
      vrfPublicKey: new Uint8Array(32),
      bondedWei: 0n,
    },
  ],
  timelock: PROPOSER,
};
const INPUT = {
  timestampSeconds: 0n,
  proposer: PROPOSER,
  beacon: new Uint8Array(32),
  lastCertificateHash: CERTIFICATE,
  transactions: [],
};
let executor: Executor;

before(async () => {
  const modules = createModuleSet([notebook]);
  executor = await openExecutor({ directory: join(directory, "main"), genesis: GENESIS, modules });
  for (let height = 1; height <= 4; height += 1) {
    const beacon = new Uint8Array(32).fill(height);
    const { hash } = await executor.buildBlock({ ...INPUT, beacon });
    await executor.commitBlock(hash);
  }
});

after(async () => {
  await executor.close();
  rmSync(directory, { recursive: true, force: true });
});

test("contracts read past block hashes (EIP-2935, BLOCKHASH) and certificates (EIP-4788)", async () => {
  const history = "0x0000f90827f1c53a10cb7a02335b175320002935";
  const word = (value: bigint) => bigintToBytes(value, 32);
  const hash = await executor.call({ to: history, data: word(2n) }, "latest");
  assert.equal(bytesToHex(hash), executor.summaryAt(2n).hash);
  // PUSH1 2; BLOCKHASH; return the word.
  const opcode = await executor.call({ data: hexToBytes("6002405f5260205ff3") }, "latest");
  assert.equal(bytesToHex(opcode), executor.summaryAt(2n).hash);
  const roots = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
  const { timestampSeconds } = executor.summaryAt(3n);
  const root = await executor.call({ to: roots, data: word(timestampSeconds) }, "latest");
  assert.deepEqual(root, CERTIFICATE);
  // PREVRANDAO is the beacon.
  const randao = await executor.call({ data: hexToBytes("445f5260205ff3") }, "latest");
  assert.deepEqual(randao, executor.head().beacon);
});

test("what hooks emit is listed, in the bloom, and proven by the state root", async () => {
  const [log, ...others] = executor.logsAt(3n);
  assert.equal(others.length, 0);
  assert.equal(log?.transactionHash, hookHash(executor.summaryAt(3n).hash, "end"));
  assert.notEqual(executor.summaryAt(3n).logsBloom, executor.summaryAt(4n).logsBloom);
  const fields = [
    hexToBytes(log.address),
    log.topics.map((each) => hexToBytes(each)),
    hexToBytes(log.data),
  ];
  const commitment = keccak256(RLP.encode([3n, [], [fields]] as never));
  const slot = new Uint8Array(32);
  const proof = await executor.proofAt(SYSTEM, [slot], 3n);
  const root = proof.storageProof[0]?.proof[0] as Uint8Array;
  assert.equal(bytesToHex(keccak256(root)), proof.storageHash);
  const value = await provenValue(keccak256(slot), proof.storageProof[0]?.proof ?? []);
  assert.deepEqual(RLP.decode(value as Uint8Array), commitment);
  // Block 4 had none, and leaves the commitment of block 3 in place.
  assert.deepEqual(executor.storageAt(SYSTEM, slot, 4n), commitment);
});

test("a contract that loops leaves the rest of the process its turn", async () => {
  let turns = 0;
  const counter = setInterval(() => {
    turns += 1;
  }, 1);
  const loop = executor.call({ data: hexToBytes("5b600056"), gas: 3_000_000n }, "latest");
  await assert.rejects(loop, (cause) => hasCode(cause, "CALL_FAILED"));
  clearInterval(counter);
  assert(turns >= 3, `${turns} turns`);
});

test("a state that cannot be read fails the block, not the call that met it", async () => {
  const broken = defineModule("params", notebookAbi, {
    calls: {
      ...notebookCalls,
      async deposit() {
        throw new ExecutionError({ code: "STATE_MISSING", hash: "0x00" });
      },
    },
  });
  const path = join(directory, "broken");
  const modules = createModuleSet([broken]);
  const other = await openExecutor({ directory: path, genesis: GENESIS, modules });
  const data = hexToBytes(encodeFunctionData({ abi: notebookAbi, functionName: "deposit" }));
  const call = { to: broken.address, data };
  await assert.rejects(other.call(call, "latest"), (cause) => hasCode(cause, "STATE_MISSING"));
  const raw = await alice.signTransaction({
    chainId: 11330,
    to: broken.address,
    data: bytesToHex(data),
    nonce: 0,
    gas: 100_000n,
    gasPrice: 10n ** 10n,
  });
  const input = { ...INPUT, transactions: [hexToBytes(raw)] };
  await assert.rejects(other.buildBlock(input), (cause) => hasCode(cause, "STATE_MISSING"));
  const { hash } = await other.buildBlock(INPUT);
  await other.commitBlock(hash);
  assert.equal((await other.accountAt(ALICE, "latest")).nonce, 0n);
  await other.close();
});

test("attack: no precompile throws through the EVM, whatever it is given", async () => {
  const addresses = Array.from({ length: 18 }, (_, index) => index).concat(0x100);
  for (const index of addresses) {
    const to: Hex = `0x${index.toString(16).padStart(40, "0")}`;
    for (const size of [0, 1, 96, 192, 213, 384]) {
      const call = { to, data: new Uint8Array(size).fill(0xff), gas: 300_000n };
      await executor.call(call, "latest").catch((cause) => {
        assert(hasCode(cause, "CALL_FAILED", "CALL_REVERTED"), `${to} ${size}: ${cause}`);
      });
    }
  }
  const evaluation: Hex = `0x${"0a".padStart(40, "0")}`;
  const call = executor.call({ to: evaluation, data: new Uint8Array(192) }, "latest");
  await assert.rejects(call, (cause) => hasCode(cause, "CALL_FAILED"));
});
