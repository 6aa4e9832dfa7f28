import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256 } from "@cess/crypto/secp256k1";
import { bytesToHex } from "@cess/std/bytes";
import { Account, Address } from "@ethereumjs/util";
import fc from "fast-check";
import { decodeNode, EMPTY_ROOT, type TrieNode } from "./trie-node.ts";
import { WorldState } from "./world-state.ts";

class MemoryNodes {
  readonly #encoded = new Map<string, Uint8Array>();

  put(state: WorldState): Uint8Array {
    const { root, changes } = state.seal();
    for (const { hash, encoded } of changes.nodes.values()) {
      this.#encoded.set(bytesToHex(hash), encoded);
    }
    return root;
  }

  node(hash: Uint8Array): TrieNode {
    return decodeNode(this.#encoded.get(bytesToHex(hash)) as Uint8Array);
  }

  code(): Uint8Array {
    throw assert.fail("no code here");
  }
}

type Step =
  | { readonly kind: "checkpoint" | "commit" | "revert" }
  | { readonly kind: "block" }
  | { readonly kind: "balance"; readonly who: number; readonly wei: number }
  | { readonly kind: "slot"; readonly who: number; readonly key: number; readonly size: number }
  | { readonly kind: "delete"; readonly who: number };

/** What an account holds, in the plainest way: the whole state is copied at each checkpoint. */
type Model = Map<number, { balance: number; slots: Map<number, number> }>;

const who = fc.integer({ min: 1, max: 4 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("checkpoint", "commit", "revert") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("block" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("balance" as const),
      who,
      wei: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("slot" as const),
      who,
      key: fc.integer({ min: 0, max: 5 }),
      size: fc.integer({ min: 0, max: 70 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), who }) },
) as fc.Arbitrary<Step>;

const addressOf = (index: number) => new Address(new Uint8Array(20).fill(index));
const keyOf = (index: number) => new Uint8Array(32).fill(index);
/** Leading zeros must survive. */
const recordOf = (size: number) => new Uint8Array(size).fill(0).fill(size, size >> 1);

test("property: checkpoints, reverts and blocks leave what a plain model has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 60 }), async (steps) => {
      const nodes = new MemoryNodes();
      let state = new WorldState(nodes, EMPTY_ROOT);
      let model: Model = new Map();
      const saved: Model[] = [];
      for (const step of steps) {
        if (step.kind === "checkpoint") {
          saved.push(structuredClone(model));
          await state.checkpoint();
        } else if (step.kind === "commit" && saved.length > 0) {
          saved.pop();
          await state.commit();
        } else if (step.kind === "revert" && saved.length > 0) {
          model = saved.pop() as Model;
          await state.revert();
        } else if (step.kind === "block" && saved.length === 0) {
          state = new WorldState(nodes, nodes.put(state));
        } else {
          await change(state, model, step);
        }
      }
      while (saved.length > 0) {
        saved.pop();
        await state.commit();
      }
      assert.equal(bytesToHex(nodes.put(state)), bytesToHex(await rootOf(model)));
    }),
    { numRuns: 300 },
  );
});

async function change(state: WorldState, model: Model, step: Step): Promise<void> {
  if (step.kind === "balance") {
    const entry = model.get(step.who) ?? { balance: 0, slots: new Map<number, number>() };
    model.set(step.who, { ...entry, balance: step.wei });
    const account = (await state.getAccount(addressOf(step.who))) ?? new Account();
    account.balance = BigInt(step.wei);
    await state.putAccount(addressOf(step.who), account);
  } else if (step.kind === "delete") {
    model.delete(step.who);
    await state.deleteAccount(addressOf(step.who));
  } else if (step.kind === "slot" && model.has(step.who)) {
    model.get(step.who)?.slots.set(step.key, step.size);
    state.putRecord(addressOf(step.who), keyOf(step.key), recordOf(step.size));
    const read = state.getRecord(addressOf(step.who), keyOf(step.key));
    assert.deepEqual(read, recordOf(step.size));
  }
}

/** Of a state that holds the model and has never held anything else. */
async function rootOf(model: Model): Promise<Uint8Array> {
  const state = new WorldState(new MemoryNodes(), EMPTY_ROOT);
  for (const [index, { balance, slots }] of model) {
    await state.putAccount(addressOf(index), new Account(0n, BigInt(balance)));
    for (const [key, size] of slots) state.putRecord(addressOf(index), keyOf(key), recordOf(size));
  }
  return state.seal().root;
}

test("an account's code is kept by its hash and reverts with the account", async () => {
  const nodes = new MemoryNodes();
  const state = new WorldState(nodes, EMPTY_ROOT);
  const code = Uint8Array.of(1, 2, 3);
  await state.checkpoint();
  await state.putCode(addressOf(1), code);
  assert.deepEqual(await state.getCode(addressOf(1)), code);
  await state.revert();
  assert.equal((await state.getCode(addressOf(1))).length, 0);
  await state.putCode(addressOf(2), code);
  const account = await state.getAccount(addressOf(2));
  assert.deepEqual(account?.codeHash, keccak256(code));
});
