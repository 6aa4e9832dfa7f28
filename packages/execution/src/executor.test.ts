import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TREASURY_ADDRESS } from "@cess/protocol/addresses";
import { createModuleSet, type Genesis } from "@cess/protocol/module";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { CESS } from "@cess/std/units";
import { privateKeyToAccount } from "viem/accounts";
import { type Executor, openExecutor } from "./executor.ts";

const directory = mkdtempSync(join(tmpdir(), "cess-execution-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const alice = privateKeyToAccount(`0x${"a1".repeat(32)}`);
const bob = privateKeyToAccount(`0x${"b0".repeat(32)}`);
const PROPOSER: Hex = `0x${"99".repeat(20)}`;
const GWEI = 10n ** 9n;

const GENESIS: Genesis = {
  spec: "dev",
  timestampSeconds: 1_800_000_000n,
  alloc: [{ address: alice.address.toLowerCase() as Hex, balanceWei: 100n * CESS }],
  validators: [
    {
      account: PROPOSER,
      blsPublicKey: new Uint8Array(48).fill(1),
      blsProof: new Uint8Array(96),
      vrfPublicKey: new Uint8Array(32).fill(2),
      bondedWei: 0n,
    },
  ],
  timelock: PROPOSER,
};

let nextDirectory = 0;
async function openFresh(): Promise<Executor> {
  nextDirectory += 1;
  return openAt(join(directory, String(nextDirectory)));
}

function openAt(path: string): Promise<Executor> {
  return openExecutor({ directory: path, genesis: GENESIS, modules: createModuleSet([]) });
}

function inputOf(executor: Executor, transactions: readonly Uint8Array[] = []) {
  return {
    timestampSeconds: executor.head().timestampSeconds + 1n,
    proposer: PROPOSER,
    beacon: new Uint8Array(32).fill(7),
    lastCertificateHash: new Uint8Array(32).fill(8),
    transactions,
  };
}

async function transfer(nonce: number, value = 1n): Promise<Uint8Array> {
  const raw = await alice.signTransaction({
    type: "eip1559",
    chainId: 11330,
    nonce,
    to: bob.address,
    value,
    gas: 21_000n,
    maxFeePerGas: 3n * GWEI,
    maxPriorityFeePerGas: GWEI,
  });
  return hexToBytes(raw);
}

test("a block that one node builds, another executes and both commit", async () => {
  const [builder, other] = [await openFresh(), await openFresh()];
  assert.equal(builder.genesisHash, other.genesisHash);
  for (let round = 0; round < 3; round += 1) {
    const transactions = [await transfer(2 * round), await transfer(2 * round + 1)];
    const built = await builder.buildBlock(inputOf(builder, transactions));
    assert.deepEqual(built.rejected, []);
    const executed = await other.executeBlock(built.block);
    assert.equal(executed.hash, built.hash);
    assert.equal(executed.transactionHashes.length, 2);
    await builder.commitBlock(built.hash);
    await other.commitBlock(built.hash);
    assert.deepEqual(other.head(), builder.head());
  }
  assert.equal((await other.accountAt(bob.address.toLowerCase() as Hex, "latest")).balanceWei, 6n);
  assert.equal(other.outcomeAt(3n).receipts[1]?.cumulativeGasUsed, 42_000n);
  await builder.close();
  await other.close();
});

test("attack: a block with any header field changed is refused and leaves no trace", async () => {
  const executor = await openFresh();
  const { block } = await executor.buildBlock(inputOf(executor, [await transfer(0)]));
  const fresh = await openFresh();
  const before = fresh.head();
  let refused = 0;
  for (let at = 5; at < 600; at += 7) {
    const changed = block.slice();
    changed[at] = (changed[at] as number) ^ 1;
    const hash = await fresh.executeBlock(changed).then(
      (executed) => executed.hash,
      (cause) => {
        assert(hasCode(cause, "BLOCK_INVALID"), String(cause));
        refused += 1;
      },
    );
    // What the proposer chooses freely (fee recipient, time, beacon, certificate) makes other blocks.
    if (hash !== undefined) assert(fresh.head() === before);
  }
  assert(refused > 60, `${refused} of 85 were refused`);
  const executed = await fresh.executeBlock(block);
  await fresh.commitBlock(executed.hash);
  assert.equal(fresh.head().height, 1n);
  await executor.close();
  await fresh.close();
});

test("a chain that is opened again goes on, and another genesis is refused", async () => {
  const path = join(directory, "again");
  const first = await openAt(path);
  const built = await first.buildBlock(inputOf(first, [await transfer(0)]));
  await first.commitBlock(built.hash);
  await first.close();
  const second = await openAt(path);
  assert.equal(second.head().hash, built.hash);
  assert.deepEqual(second.blockBytes(1n), built.block);
  const next = await second.buildBlock(inputOf(second, [await transfer(1)]));
  await second.commitBlock(next.hash);
  await second.close();
  const genesis = { ...GENESIS, timestampSeconds: 1n };
  const modules = createModuleSet([]);
  await assert.rejects(openExecutor({ directory: path, genesis, modules }), (cause) =>
    hasCode(cause, "DATABASE_FOREIGN"),
  );
});

test("what cannot run is dropped with its reason; the rest runs", async () => {
  const executor = await openFresh();
  const tooRich = await transfer(1, 1_000n * CESS);
  const ahead = await transfer(9);
  const replay = await transfer(0);
  const noise = Uint8Array.of(0xc1, 0x80);
  const transactions = [await transfer(0), replay, tooRich, ahead, noise, await transfer(1)];
  const built = await executor.buildBlock(inputOf(executor, transactions));
  assert.equal(built.transactionHashes.length, 2);
  const reasons = built.rejected.map(({ error, mayRunLater }) => [error.detail.code, mayRunLater]);
  assert.deepEqual(reasons, [
    ["TRANSACTION_MALFORMED", false],
    ["NONCE_TOO_LOW", false],
    ["FUNDS_INSUFFICIENT", true],
    ["NONCE_TOO_HIGH", true],
  ]);
  await executor.close();
});

test("fees go to the treasury and the proposer, and nothing is burned", async () => {
  const executor = await openFresh();
  const built = await executor.buildBlock(inputOf(executor, [await transfer(0)]));
  await executor.commitBlock(built.hash);
  const paid = 21_000n * 2n * GWEI;
  const proposer = await executor.accountAt(PROPOSER, "latest");
  assert.equal(proposer.balanceWei, paid / 5n);
  const treasury = await executor.accountAt(TREASURY_ADDRESS, "latest");
  assert.equal(treasury.balanceWei, paid - paid / 5n);
  const sender = await executor.accountAt(alice.address.toLowerCase() as Hex, "latest");
  assert.equal(sender.balanceWei, 100n * CESS - paid - 1n);
  await executor.close();
});

test("a committed block is not executed twice, nor committed on another head", async () => {
  const executor = await openFresh();
  const one = await executor.buildBlock(inputOf(executor));
  const two = await executor.buildBlock(inputOf(executor, [await transfer(0)]));
  assert.notEqual(one.hash, two.hash);
  await executor.commitBlock(one.hash);
  await assert.rejects(executor.commitBlock(two.hash), (cause) => hasCode(cause, "BLOCK_UNKNOWN"));
  await assert.rejects(executor.executeBlock(two.block), (cause) =>
    hasCode(cause, "BLOCK_INVALID"),
  );
  assert.equal(bytesToHex(executor.summaryAt(1n).beacon), `0x${"07".repeat(32)}`);
  await executor.close();
});
