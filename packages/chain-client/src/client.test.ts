import assert from "node:assert/strict";
import { test } from "node:test";
import { DEV } from "@cess/params/chain-spec";
import { MODULE_ADDRESSES } from "@cess/protocol/addresses";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock } from "@cess/runtime/node/system";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { encodeAbiParameters, encodeErrorResult, encodeEventTopics, parseAbi } from "viem";
import type { BlockRange, ChainSender } from "./chain.ts";
import { assertChain, createChainClient } from "./client.ts";
import { isRefusal } from "./error.ts";
import { createFollower } from "./follow.ts";
import { type ChainEvent, MODULE_ABIS } from "./modules.ts";
import { createFakeNode, type FakeNode, hashWord } from "./testing/fake-node.ts";

const MIXED: Hex = "0x52908400098527886E0F7030069857D2E4169EE7";
const deps = { clock: systemClock, log: silentLogger };
/** Short blocks, so that what is lost is soon sent again. */
const spec = { ...DEV, blockMs: 40 };

async function withClient(
  body: (client: ChainSender, node: FakeNode) => Promise<void>,
): Promise<void> {
  const node = await createFakeNode();
  const privateKey = new Uint8Array(32).fill(5);
  try {
    await body(createChainClient(deps, { rpcUrl: node.url, spec, privateKey }), node);
  } finally {
    await node.close();
  }
}

test("views are typed, and addresses come in lower case", async () => {
  await withClient(async (client, node) => {
    node.answerCall = ({ to }) => {
      assert.equal(to, MODULE_ADDRESSES.gateways);
      const gateway = parseAbi([
        "struct Gateway { address account; string endpoint; string region; }",
        "function f() view returns (Gateway gateway, bool isRegistered)",
      ])[0].outputs;
      return encodeAbiParameters(gateway, [{ account: MIXED, endpoint: "e", region: "" }, true]);
    };
    const [gateway, isRegistered] = await client.read("gateways", "gatewayOf", [MIXED]);
    assert.equal(gateway.account, MIXED.toLowerCase());
    assert.equal(isRegistered, true);
  });
});

test("calls sent at once go out with one nonce each", async () => {
  await withClient(async (client, node) => {
    const sends = Array.from({ length: 5 }, () => client.send("miners", "beginExit", []));
    const receipts = await Promise.all(sends);
    assert.equal(new Set(receipts.map((receipt) => receipt.transactionHash)).size, 5);
    assert.deepEqual(
      node.mined.map(({ nonce }) => nonce),
      [0, 1, 2, 3, 4],
    );
  });
});

test("a call near the most gas of a transaction asks for no more than that (EIP-7825)", async () => {
  await withClient(async (client, node) => {
    node.estimateGas = 16_000_000;
    await client.send("miners", "beginExit", []);
    assert.equal(node.mined.length, 1);
  });
});

test("a transaction that the mempool lost is sent again", async () => {
  await withClient(async (client, node) => {
    node.loseCount = 1;
    const receipt = await client.send("miners", "beginExit", []);
    assert.equal(receipt.height, 1);
    assert.equal(node.mined.length, 1);
  });
});

test("a transaction that fees have left behind is replaced by one that offers more", async () => {
  await withClient(async (client, node) => {
    node.shownBaseFeesWei = [7];
    node.baseFeeWei = 50_000_000_000;
    const receipt = await client.send("miners", "beginExit", []);
    assert.deepEqual(
      node.mined.map(({ hash, nonce }) => [hash, nonce]),
      [[receipt.transactionHash, 0]],
    );
    await client.send("miners", "withdraw", []);
    assert.equal(node.mined.length, 2);
  });
});

test("a transaction whose acceptance got lost is not sent twice", async () => {
  await withClient(async (client, node) => {
    node.dropAnswerCount = 1;
    await client.send("miners", "beginExit", []);
    assert.equal(node.mined.length, 1);
  });
});

test("a nonce used elsewhere is found out", async () => {
  await withClient(async (client, node) => {
    await client.send("miners", "beginExit", []);
    (node.mined as unknown[]).push({ hash: hashWord(1), nonce: 1, data: "0x", height: 2 });
    await client.send("miners", "withdraw", []);
    assert.deepEqual(
      node.mined.map(({ nonce }) => nonce),
      [0, 1, 2],
    );
  });
});

test("a refusal carries the module's code, and nothing is sent", async () => {
  await withClient(async (client, node) => {
    const data = encodeErrorResult({
      abi: parseAbi(["error ModuleError(string code, string detail)"]),
      args: ["MINER_UNKNOWN", "who"],
    });
    node.answerCall = () => ({ code: 3, message: "execution reverted", data });
    const isUnknown = (cause: unknown) => isRefusal(cause, "MINER_UNKNOWN");
    await assert.rejects(client.send("miners", "beginExit", []), isUnknown);
    await assert.rejects(client.read("files", "hasFile", [hashWord(1)]), isUnknown);
    assert.equal(node.mined.length, 0);
  });
});

test("a node of another chain is refused", async () => {
  await withClient(async (_client, node) => {
    await assertChain({ rpcUrl: node.url, spec });
    const other = { rpcUrl: node.url, spec: { ...spec, chainId: 1 } };
    await assert.rejects(assertChain(other), (cause) => hasCode(cause, "WRONG_CHAIN"));
  });
});

test("a follower hands over every event once, again after a failure, and passes over strangers", async () => {
  await withClient(async (client, node) => {
    const topics = encodeEventTopics({
      abi: MODULE_ABIS.files,
      eventName: "Closed",
      args: { fid: hashWord(9) },
    });
    const log = (height: number, first: unknown) => {
      const place = { transactionHash: hashWord(0), logIndex: "0x0", data: "0x" };
      const address = MODULE_ADDRESSES.files;
      return { ...place, address, blockNumber: height, topics: [first, topics[1]] };
    };
    node.logs = [log(3, topics[0]), log(700, hashWord(1)), log(1200, topics[0])];
    node.height = 1300;
    const seen: ChainEvent[] = [];
    const ranges: BlockRange[] = [];
    let failures = 1;
    const caughtUp = Promise.withResolvers<void>();
    const follower = createFollower(
      { ...deps, chain: client },
      {
        fromBlock: async () => 2,
        intervalMs: 5,
        async onBlocks(events, range) {
          ranges.push(range);
          if (ranges.length === 2 && failures-- > 0) throw new RangeError("a full disk, say");
          seen.push(...events);
          if (range.toBlock === 1300) caughtUp.resolve();
        },
      },
    );
    await follower.start();
    await caughtUp.promise;
    await follower.stop();
    assert.deepEqual(
      ranges.map(({ fromBlock }) => fromBlock),
      [2, 502, 502, 1002],
    );
    assert.deepEqual(
      seen.map(({ module, name, height, args }) => ({ module, name, height, args })),
      [3, 1200].map((height) => {
        return { module: "files", name: "Closed", height, args: { fid: hashWord(9) } };
      }),
    );
  });
});
