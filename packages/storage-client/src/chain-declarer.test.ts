import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainSender } from "@cess/chain-client/chain";
import { ChainError } from "@cess/chain-client/error";
import { ZERO_ADDRESS } from "@cess/protocol/messages";
import type { Hex } from "@cess/std/bytes";
import { createChainDeclarer } from "./chain-declarer.ts";
import { StorageClientError } from "./error.ts";
import type { Declaration } from "./file-store.ts";

const NEVER = new AbortController().signal;
const TERRITORY: Hex = `0x${"11".repeat(32)}`;
/** Measured: a file of 16 columns, declared, and removed once its columns were tagged. */
const GAS: Readonly<Record<string, number>> = { declare: 345_000, remove: 620_000 };
const TRANSACTION_GAS_MAX = 2 ** 24;

function fidOf(index: number): Hex {
  return `0x${index.toString(16).padStart(64, "0")}`;
}

function declarationOf(index: number): Declaration {
  return {
    fid: fidOf(index),
    sizeBytes: 1,
    profileId: 0,
    territory: TERRITORY,
    expiryBlock: 9n,
    placement: [ZERO_ADDRESS],
    signature: new Uint8Array(96),
  };
}

/** A chain that fails what takes too much gas, and refuses what names one of `bad`. */
function createChain(bad: readonly Hex[] = []) {
  const done = new Set<Hex>();
  const send = async (_module: string, name: string, args: readonly unknown[]) => {
    const fids =
      name === "remove"
        ? (args[1] as readonly Hex[])
        : (args[0] as readonly { fid: Hex }[]).map(({ fid }) => fid);
    // A sender adds half to the estimate.
    if (1.5 * fids.length * (GAS[name] as number) > TRANSACTION_GAS_MAX) {
      throw new ChainError({ code: "RPC_FAILED", method: "eth_sendRawTransaction" });
    }
    if (fids.some((fid) => bad.includes(fid))) {
      throw new ChainError({ code: "MODULE_REFUSED", moduleCode: "SPACE_SHORT", reason: "" });
    }
    for (const fid of fids) done.add(fid);
    return { transactionHash: fidOf(0), height: 1, gasUsed: 0n };
  };
  return { done, chain: { send } as unknown as Pick<ChainSender, "send"> };
}

test("more than a transaction has gas for goes out in several", async () => {
  const { chain, done } = createChain();
  const declarer = createChainDeclarer(chain);
  const declarations = Array.from({ length: 64 }, (_, index) => declarationOf(index));
  await declarer.declare(declarations, NEVER);
  assert.equal(done.size, 64);
  done.clear();
  await declarer.remove(
    TERRITORY,
    Array.from({ length: 256 }, (_, index) => fidOf(index)),
    NEVER,
  );
  assert.equal(done.size, 256);
});

test("refused declarations are named, and the others of their batch are declared", async () => {
  const bad = [fidOf(3), fidOf(40)];
  const { chain, done } = createChain(bad);
  const declarations = Array.from({ length: 50 }, (_, index) => declarationOf(index));
  const refused = (cause: unknown) => {
    assert(cause instanceof StorageClientError && cause.detail.code === "DECLARATION_REFUSED");
    assert.deepEqual(cause.detail.fids, bad);
    return true;
  };
  await assert.rejects(createChainDeclarer(chain).declare(declarations, NEVER), refused);
  assert.equal(done.size, 48);
});
