/** What every implementation of the network promises, checked against each of them. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { text, u32, variableBytes } from "@cess/codec/codec";
import { silentLogger } from "@cess/runtime/node/logger";
import { systemClock, systemRandom } from "@cess/runtime/node/system";
import { hasCode } from "@cess/std/error";
import { createLibp2pNetwork, type Libp2pNetwork } from "./libp2p/network.ts";
import { MemoryHub } from "./memory/hub.ts";
import type { Network, PeerId, Protocol, Topic } from "./network.ts";

const MIB = 1024 * 1024;
const WAIT_MS = 5_000;

const echo: Protocol<string, string> = {
  id: "/test/echo/1",
  request: text(1000),
  response: text(1000),
  requestBytesMax: 1004,
  responseBytesMax: 1004,
  timeoutMs: 500,
  perPeerPerMinute: 1000,
};
const large: Protocol<number, Uint8Array> = {
  id: "/test/large/1",
  request: u32,
  response: variableBytes(9 * MIB),
  requestBytesMax: 4,
  responseBytesMax: 9 * MIB,
  timeoutMs: 10_000,
  perPeerPerMinute: 1000,
};
const rare: Protocol<string, string> = { ...echo, id: "/test/rare/1", perPeerPerMinute: 2 };
const unserved: Protocol<string, string> = { ...echo, id: "/test/unserved/1" };
/** The same protocol as its peers understand it, but for the type of the request. */
const garbled: Protocol<number, string> = { ...echo, request: u32 };

const topic: Topic<string> = {
  id: "/test/topic/1",
  message: text(1000),
  messageBytesMax: 1004,
  perPeerPerMinute: 1000,
};
const garbledTopic: Topic<number> = { ...topic, message: u32 };

interface Heard {
  readonly peerId: PeerId;
  readonly message: string;
}

type Factory = (prepare: (network: Network) => void) => Promise<readonly Network[]>;

const startMemoryNetworks: Factory = async (prepare) => {
  const deps = { clock: systemClock, log: silentLogger };
  const hub = new MemoryHub(deps, { latencyMs: () => 1 });
  const networks = ["a", "b", "c"].map((name) => hub.createNetwork(name));
  for (const network of networks) {
    prepare(network);
    await network.start();
  }
  return networks;
};

const startLibp2pNetworks: Factory = async (prepare) => {
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
  const networks: Libp2pNetwork[] = [];
  const bootstrapAddresses: string[] = [];
  for (const seed of [1, 2, 3]) {
    const network = await createLibp2pNetwork(deps, {
      identitySeed: new Uint8Array(32).fill(seed),
      listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
      bootstrapAddresses: [...bootstrapAddresses],
      connectionsMax: 10,
    });
    prepare(network);
    await network.start();
    networks.push(network);
    bootstrapAddresses.push(...network.addresses());
  }
  return networks;
};

function prepare(network: Network, heard: Heard[]): void {
  network.serve(echo, async (request, { signal }) => {
    if (request === "fail") throw new RangeError("refused");
    if (request === "hang") await systemClock.sleep(60_000, signal);
    return `${request} to ${network.selfId}`;
  });
  network.serve(large, async (sizeBytes) => new Uint8Array(sizeBytes).fill(7));
  network.serve(rare, async (request) => request);
  network.subscribe(topic, (message, { peerId }) => {
    heard.push({ peerId, message });
    return message === "bad" ? "reject" : "accept";
  });
}

async function until(condition: () => boolean): Promise<void> {
  const startMs = systemClock.nowMs();
  while (!condition()) {
    assert(systemClock.nowMs() - startMs < WAIT_MS, "waited too long");
    await systemClock.sleep(10);
  }
}

interface Bed {
  at(index: number): Network;
  heardAt(index: number): readonly Heard[];
}

function conforms(name: string, startNetworks: Factory): void {
  suite(name, () => {
    const heard = new Map<PeerId, Heard[]>();
    let networks: readonly Network[] = [];
    const at = (index: number) => networks[index] as Network;
    const heardAt = (index: number) => heard.get(at(index).selfId) ?? [];

    before(async () => {
      networks = await startNetworks((network) => {
        const messages: Heard[] = [];
        heard.set(network.selfId, messages);
        prepare(network, messages);
      });
      await until(() => networks.every((network) => network.peers().length === 2));
      // Subscriptions travel after connections: publish until all are known.
      for (let round = 0; heardAt(1).length === 0 || heardAt(2).length === 0; round += 1) {
        assert(round < 100, "subscriptions spread");
        await at(0).publish(topic, `hello ${round}`);
        await systemClock.sleep(50);
      }
    });
    after(async () => {
      for (const network of networks) await network.stop();
    });

    testRequests({ at, heardAt });
    testRefusals({ at, heardAt });
    testGossip({ at, heardAt });
  });
}

function testRequests({ at }: Bed): void {
  test("a request is answered by the peer it names", async () => {
    const answer = await at(0).request(at(1).selfId, echo, "hi");
    assert.equal(answer, `hi to ${at(1).selfId}`);
  });

  test("a response of 8 MiB passes whole", async () => {
    const answer = await at(2).request(at(0).selfId, large, 8 * MIB);
    assert.equal(answer.length, 8 * MIB);
    assert(answer.every((byte) => byte === 7));
  });

  test("requests in parallel do not mix", async () => {
    const words = Array.from({ length: 20 }, (_, index) => `word ${index}`);
    const calls = words.map((word) => at(0).request(at(1).selfId, echo, word));
    const answers = await Promise.all(calls);
    assert.deepEqual(
      answers,
      words.map((word) => `${word} to ${at(1).selfId}`),
    );
  });
}

function testRefusals({ at }: Bed): void {
  test("a handler that hangs ends in REQUEST_TIMEOUT", async () => {
    const call = at(0).request(at(1).selfId, echo, "hang");
    await assert.rejects(call, (cause) => hasCode(cause, "REQUEST_TIMEOUT"));
  });

  test("a caller can give up a request", async () => {
    const startMs = systemClock.nowMs();
    const signal = AbortSignal.timeout(50);
    await assert.rejects(at(0).request(at(1).selfId, echo, "hang", signal));
    assert(systemClock.nowMs() - startMs < echo.timeoutMs);
  });

  test("a handler that fails refuses without a word why", async () => {
    const call = at(0).request(at(1).selfId, echo, "fail");
    await assert.rejects(call, (cause) => {
      return hasCode(cause, "REQUEST_REFUSED") && String(cause).includes('"failed"');
    });
  });

  test("a malformed request is refused before the handler", async () => {
    const call = at(0).request(at(1).selfId, garbled, 5);
    await assert.rejects(call, (cause) => {
      return hasCode(cause, "REQUEST_REFUSED") && String(cause).includes('"malformed"');
    });
  });

  test("a request over the limit is not sent", async () => {
    const call = at(0).request(at(1).selfId, { ...echo, requestBytesMax: 5 }, "too long");
    await assert.rejects(call, (cause) => hasCode(cause, "MESSAGE_TOO_LARGE"));
  });

  test("a protocol that a peer does not serve ends in REQUEST_FAILED", async () => {
    const call = at(0).request(at(1).selfId, unserved, "hi");
    await assert.rejects(call, (cause) => hasCode(cause, "REQUEST_FAILED"));
  });

  test("a peer that asks too often is refused, the others are not", async () => {
    const ask = (index: number) => at(index).request(at(1).selfId, rare, "hi");
    await ask(0);
    await ask(0);
    await assert.rejects(ask(0), (cause) => String(cause).includes("rateLimited"));
    assert.equal(await ask(2), "hi");
  });
}

function testGossip({ at, heardAt }: Bed): void {
  test("gossip reaches all others once, and not its publisher", async () => {
    const count = (index: number) => {
      return heardAt(index).filter(({ message }) => message === "news").length;
    };
    await at(0).publish(topic, "news");
    await at(0).publish(topic, "news");
    await until(() => count(1) > 0 && count(2) > 0);
    await systemClock.sleep(100);
    assert.deepEqual([count(0), count(1), count(2)], [0, 1, 1]);
  });

  test("malformed gossip never reaches a handler", async () => {
    const before = heardAt(1).length;
    await at(0).publish(garbledTopic, 5);
    await at(0).publish(topic, "after");
    await until(() => heardAt(1).some(({ message }) => message === "after"));
    assert.equal(heardAt(1).length, before + 1);
  });

  test("gossip over the limit is not sent", async () => {
    const call = at(0).publish({ ...topic, messageBytesMax: 5 }, "too long");
    await assert.rejects(call, (cause) => hasCode(cause, "MESSAGE_TOO_LARGE"));
  });

  test("a peer that stops is gone, and comes back when it starts again", async () => {
    await at(2).stop();
    await until(() => at(0).peers().length === 1);
    const call = at(0).request(at(2).selfId, echo, "hi");
    await assert.rejects(call, (cause) => hasCode(cause, "PEER_UNREACHABLE"));
    await assert.rejects(at(2).publish(topic, "hi"), (cause) => hasCode(cause, "NOT_RUNNING"));
    await at(2).start();
    await until(() => at(2).peers().length === 2 && at(0).peers().length === 2);
    assert.equal(await at(2).request(at(0).selfId, echo, "back"), `back to ${at(0).selfId}`);
  });
}

conforms("memory", startMemoryNetworks);
conforms("libp2p", startLibp2pNetworks);
