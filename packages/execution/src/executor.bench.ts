import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModuleSet, type Genesis } from "@cess/protocol/module";
import { bench } from "@cess/std/bench";
import { bigintToBytes, bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Executor, openExecutor } from "./executor.ts";
import { notebook, notebookAbi } from "./testing/notebook.ts";

const PROPOSER: Hex = `0x${"99".repeat(20)}`;
const GWEI = 10n ** 9n;
const NOTE_BYTES = 200;
const SENDERS = 50;

const accounts = Array.from({ length: SENDERS }, (_, index) =>
  privateKeyToAccount(bytesToHex(bigintToBytes(BigInt(1000 + index), 32))),
);
const genesis: Genesis = {
  spec: "dev",
  timestampSeconds: 1_800_000_000n,
  alloc: accounts.map(({ address }) => ({
    address: address.toLowerCase() as Hex,
    balanceWei: 1_000_000n * CESS,
  })),
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

await bench("transfers", { transactions: [20, 2000] }, ({ sizes }) =>
  prepare(sizes.transactions, (nonce, at) => ({
    nonce,
    to: accounts[(at + 1) % SENDERS]!.address,
    value: 1n,
    gas: 21_000n,
  })),
);

await bench("module calls", { transactions: [20, 2000] }, ({ sizes }) =>
  prepare(sizes.transactions, (nonce, at) => ({
    nonce,
    to: notebook.address,
    gas: 100_000n,
    data: encodeFunctionData({
      abi: notebookAbi,
      functionName: "note",
      args: [bytesToHex(bigintToBytes(BigInt(at), 32)), `0x${"5a".repeat(NOTE_BYTES)}`],
    }),
  })),
);

type Draft = (
  nonce: number,
  at: number,
) => {
  readonly nonce: number;
  readonly to: Hex;
  readonly gas: bigint;
  readonly value?: bigint;
  readonly data?: Hex;
};

/** Each run takes blocks as they come from the network, into a database of its own. */
async function prepare(count: number, draft: Draft) {
  const raws: Uint8Array[] = [];
  for (let at = 0; at < count; at += 1) {
    const account = accounts[at % SENDERS]!;
    const raw = await account.signTransaction({
      type: "eip1559",
      chainId: 11330,
      maxFeePerGas: 100n * GWEI,
      maxPriorityFeePerGas: GWEI,
      ...draft(Math.floor(at / SENDERS), at),
    });
    raws.push(hexToBytes(raw));
  }
  const blocks = await withExecutor(async (executor) => {
    const built: Uint8Array[] = [];
    for (let rest = raws; rest.length > 0; ) {
      const block = await executor.buildBlock({
        timestampSeconds: 0n,
        proposer: PROPOSER,
        beacon: new Uint8Array(32),
        lastCertificateHash: new Uint8Array(32),
        transactions: rest.slice(0, 500),
      });
      await executor.commitBlock(block.hash);
      built.push(block.block);
      rest = rest.slice(block.transactionHashes.length);
    }
    return built;
  });
  const body = () =>
    withExecutor(async (executor) => {
      for (const block of blocks) {
        const { hash } = await executor.executeBlock(block);
        await executor.commitBlock(hash);
      }
      return hexToBytes(executor.head().stateRoot);
    });
  return { operations: count, body };
}

async function withExecutor<T>(use: (executor: Executor) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "cess-execution-bench-"));
  const modules = createModuleSet([notebook]);
  const executor = await openExecutor({ directory, genesis, modules });
  try {
    return await use(executor);
  } finally {
    await executor.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
