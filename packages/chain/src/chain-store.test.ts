import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesToHex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { type JournalEntry, openChainStore } from "./chain-store.ts";
import type { CommitRecord } from "./messages.ts";

const directory = await mkdtemp(join(tmpdir(), "cess-chain-store-"));
after(() => rm(directory, { recursive: true, force: true }));
const account = "0x01";
const identity = new Uint8Array(32).fill(1);
const valueId = bytesToHex(new Uint8Array(32).fill(9));
const signature = new Uint8Array(96).fill(3);
const signed = { version: 1, height: 5n, round: 1, step: 2, digest: new Uint8Array(32).fill(4) };

function commitOf(height: bigint, signers: number): CommitRecord {
  const certificate = { height, round: 0, valueId, signers: Uint8Array.of(signers), signature };
  return { certificate, builtRound: 0, vrfProof: new Uint8Array(80) };
}

const entries: readonly JournalEntry[] = [
  { kind: "timeout", height: 5n, round: 0, step: "precommit" },
  { kind: "vote", vote: { kind: "prevote", height: 5n, round: 1, valueId, seat: 2, signature } },
  {
    kind: "proposal",
    proposal: {
      height: 5n,
      round: 1,
      validRound: undefined,
      builtRound: 1,
      valueId,
      seat: 0,
      vrfProof: new Uint8Array(80).fill(8),
      signature,
    },
    body: { block: new Uint8Array(100).fill(6), parentCertificate: commitOf(4n, 7).certificate },
    isValid: true,
  },
];

test("journal, sign record and commits outlive the process", async () => {
  const path = join(directory, "a");
  const first = await openChainStore({ directory: path, identity, account });
  await first.append({ height: 5n, entries: entries.slice(0, 1), signed: undefined });
  await first.append({ height: 5n, entries: entries.slice(1), signed });
  await first.putCommit(commitOf(4n, 7), undefined);
  await first.close();

  const second = await openChainStore({ directory: path, identity, account });
  assert.deepEqual(second.journal(5n), entries);
  assert.deepEqual(second.lastSigned(), signed);
  assert.deepEqual(second.commitAt(4n), commitOf(4n, 7));
  assert.equal(second.commitAt(5n), undefined);

  await second.append({ height: 5n, entries: entries.slice(0, 1), signed: undefined });
  assert.deepEqual(second.journal(5n), [...entries, entries[0]], "a reopened journal goes on");
  await second.append({ height: 6n, entries: [], signed: undefined });
  assert.deepEqual(second.journal(5n), [], "a new height starts afresh");
  assert.deepEqual(second.lastSigned(), signed, "what was signed is never forgotten");
  await second.close();

  const other = await openChainStore({ directory: path, identity, account: "0x02" });
  assert.equal(other.lastSigned(), undefined, "another key has its own record");
  await other.close();
});

test("a commit settles which certificate of its parent counts", async () => {
  const store = await openChainStore({ directory: join(directory, "b"), identity, account });
  await store.putCommit(commitOf(1n, 7), undefined);
  await store.putCommit(commitOf(2n, 7), commitOf(1n, 15).certificate);
  assert.deepEqual(store.commitAt(1n), commitOf(1n, 15));
  await store.close();
});

test("the store of another chain or key is refused", async () => {
  const path = join(directory, "c");
  await (await openChainStore({ directory: path, identity, account })).close();
  const foreign = openChainStore({ directory: path, identity: new Uint8Array(32), account });
  await assert.rejects(foreign, (cause) => hasCode(cause, "STORE_FOREIGN"));
});
