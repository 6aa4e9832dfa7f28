import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@cess/runtime/node/system";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CodedError, hasCode } from "@cess/std/error";
import { type CheckedTransaction, createMempool, type Mempool } from "./mempool.ts";

class Refused extends CodedError<{ readonly code: "NONCE_TOO_LOW" }> {
  constructor() {
    super({ code: "NONCE_TOO_LOW" }, "nonce too low");
  }
}

interface Wanted {
  readonly sender: number;
  readonly nonce: number;
  readonly tip: number;
  readonly sizeBytes?: number;
}

/** A chain whose transactions say in four numbers what they are. */
class Bed {
  readonly nonces = new Map<Hex, bigint>();
  nowMs = 0;
  readonly pool: Mempool;

  constructor() {
    this.pool = createMempool(
      {
        application: {
          checkTransaction: async (raw) => this.#check(raw),
          accountAt: async (address) => ({ nonce: this.nonces.get(address) ?? 0n }),
        },
        clock: { ...systemClock, nowMs: () => this.nowMs },
      },
      { blockGasMax: 1_000_000 },
    );
  }

  add(wanted: Wanted): Promise<Hex> {
    return this.pool.add(rawOf(wanted));
  }

  async picked(): Promise<readonly string[]> {
    return this.pool.pick().map((raw) => {
      const { sender, nonce } = wantedOf(raw);
      return `${sender}.${nonce}`;
    });
  }

  #check(raw: Uint8Array): CheckedTransaction {
    const { sender, nonce, tip, sizeBytes = 100 } = wantedOf(raw);
    const address = senderOf(sender);
    const accountNonce = this.nonces.get(address) ?? 0n;
    if (BigInt(nonce) < accountNonce) throw new Refused();
    return {
      hash: bytesToHex(raw),
      raw,
      sender: address,
      nonce: BigInt(nonce),
      accountNonce,
      gasLimit: 21_000n,
      maxFeePerGas: BigInt(tip) + 1000n,
      maxPriorityFeePerGas: BigInt(tip),
      sizeBytes,
    };
  }
}

function rawOf(wanted: Wanted): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(wanted));
}

function wantedOf(raw: Uint8Array): Wanted {
  return JSON.parse(new TextDecoder().decode(raw)) as Wanted;
}

function senderOf(sender: number): Hex {
  return `0x${sender.toString(16).padStart(40, "0")}`;
}

function refusal(code: string): (cause: unknown) => boolean {
  return (cause) => hasCode(cause, code);
}

test("best tip first, and never a nonce before the one it builds on", async () => {
  const bed = new Bed();
  await bed.add({ sender: 1, nonce: 1, tip: 900 });
  await bed.add({ sender: 1, nonce: 0, tip: 10 });
  await bed.add({ sender: 2, nonce: 0, tip: 50 });
  await bed.add({ sender: 3, nonce: 0, tip: 70 });
  await bed.add({ sender: 3, nonce: 1, tip: 60 });
  assert.deepEqual(await bed.picked(), ["3.0", "3.1", "2.0", "1.0", "1.1"]);
});

test("a nonce gap waits until it is closed", async () => {
  const bed = new Bed();
  await bed.add({ sender: 1, nonce: 2, tip: 5 });
  await bed.add({ sender: 1, nonce: 0, tip: 5 });
  assert.deepEqual(await bed.picked(), ["1.0"]);
  assert.equal(await bed.pool.pendingNonce(senderOf(1)), 1n);
  await bed.add({ sender: 1, nonce: 1, tip: 5 });
  assert.deepEqual(await bed.picked(), ["1.0", "1.1", "1.2"]);
  assert.equal(await bed.pool.pendingNonce(senderOf(1)), 3n);
});

test("a replacement pays a tenth more", async () => {
  const bed = new Bed();
  const first = await bed.add({ sender: 1, nonce: 0, tip: 1000 });
  await assert.rejects(bed.add({ sender: 1, nonce: 0, tip: 1000 }), refusal("ALREADY_KNOWN"));
  await assert.rejects(
    bed.add({ sender: 1, nonce: 0, tip: 1099 }),
    refusal("REPLACEMENT_UNDERPRICED"),
  );
  const second = await bed.add({ sender: 1, nonce: 0, tip: 1300 });
  assert.equal(bed.pool.get(first), undefined);
  assert.equal(bed.pool.get(second)?.maxPriorityFeePerGas, 1300n);
  assert.equal(bed.pool.count, 1);
});

test("one sender holds 64 places at most", async () => {
  const bed = new Bed();
  for (let nonce = 0; nonce < 64; nonce += 1) await bed.add({ sender: 1, nonce, tip: 5 });
  await assert.rejects(bed.add({ sender: 1, nonce: 64, tip: 500 }), refusal("NONCE_TOO_FAR"));
});

test("a full pool drops its cheapest for a better one, and refuses a cheaper one", async () => {
  const bed = new Bed();
  const sizeBytes = 4 * 1024 * 1024;
  for (let sender = 1; sender <= 16; sender += 1) {
    await bed.add({ sender, nonce: 0, tip: 100 + sender, sizeBytes });
  }
  await assert.rejects(
    bed.add({ sender: 20, nonce: 0, tip: 100, sizeBytes }),
    refusal("UNDERPRICED"),
  );
  await bed.add({ sender: 21, nonce: 0, tip: 500, sizeBytes });
  assert.equal(bed.pool.count, 16);
  assert.equal(bed.pool.sizeBytes, 16 * sizeBytes);
  assert(![...bed.pool.all()].some(({ sender }) => sender === senderOf(1)), "the cheapest left");
});

test("a block drops what it included and what it made impossible", async () => {
  const bed = new Bed();
  const included = await bed.add({ sender: 1, nonce: 0, tip: 5 });
  await bed.add({ sender: 1, nonce: 1, tip: 5 });
  await bed.add({ sender: 2, nonce: 0, tip: 5 });
  bed.nonces.set(senderOf(1), 1n);
  bed.nonces.set(senderOf(2), 1n); // By another transaction than the one that waits.
  await bed.pool.onCommitted([included]);
  assert.deepEqual(await bed.picked(), ["1.1"]);
  assert.equal(bed.pool.count, 1);
});

test("what waits for hours is dropped", async () => {
  const bed = new Bed();
  await bed.add({ sender: 1, nonce: 5, tip: 5 });
  bed.nowMs = 3 * 60 * 60 * 1000;
  await bed.pool.onCommitted([]);
  assert.equal(bed.pool.count, 0);
});

test("listeners hear where a transaction came from", async () => {
  const bed = new Bed();
  const heard: string[] = [];
  const stop = bed.pool.onAdded(({ nonce }, origin) => heard.push(`${nonce} ${origin}`));
  await bed.add({ sender: 1, nonce: 0, tip: 5 });
  await bed.pool.addFromPeer(rawOf({ sender: 1, nonce: 1, tip: 5 }));
  stop();
  await bed.add({ sender: 1, nonce: 2, tip: 5 });
  assert.deepEqual(heard, ["0 local", "1 peer"]);
});
