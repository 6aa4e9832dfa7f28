/** What one node takes in and gives out over HTTP on loopback, checked bytes both ways. */
import { LEAF_BYTES, PROFILES } from "@cess/params/profile";
import { createTestRandom } from "@cess/proofs/podr2/fixture";
import { bench } from "@cess/std/bench";
import { concatBytes } from "@cess/std/bytes";
import { encodeFrameHead } from "@cess/storage-wire/frame";
import { receiptRequestCodec } from "@cess/storage-wire/receipt-request";
import { Agent, request } from "undici";
import { FRAGMENT_BYTES_MAX } from "./fragment-store.ts";
import { createTestBed, encodeTestFile, placeOnly, testTicket } from "./testing/test-bed.ts";

const bed = await createTestBed();
const node = bed.createNode(0, { declaredBytes: 2 ** 40 });
await node.start();
const dispatcher = new Agent({ connections: 8 });
const headers = { authorization: testTicket(bed, node.account) };
const random = createTestRandom("storage-node bench");

async function send(method: "GET" | "POST" | "PUT", path: string, body?: Uint8Array) {
  const url = `${node.endpoint()}${path}`;
  const response = await request(url, { dispatcher, method, headers, body: body ?? null });
  return new Uint8Array(await response.body.arrayBuffer());
}

const sizes = { count: [2, 16], sizeBytes: [LEAF_BYTES, FRAGMENT_BYTES_MAX] } as const;

await bench("storage-node POST fragments", sizes, ({ sizes: { count, sizeBytes } }) => {
  const fragments = Array.from({ length: count }, () => random.bytes(sizeBytes));
  return {
    bytes: count * sizeBytes,
    async body() {
      const answers = fragments.map((each) => send("POST", "/v1/fragments", each));
      return concatBytes(...(await Promise.all(answers)));
    },
  };
});

await bench("storage-node GET fragments", sizes, async ({ sizes: { count, sizeBytes } }) => {
  const answer = await send("POST", "/v1/fragments", random.bytes(sizeBytes));
  const { id } = JSON.parse(Buffer.from(answer).toString()) as { id: string };
  return {
    bytes: count * sizeBytes,
    async body() {
      const reads = Array.from({ length: count }, () => send("GET", `/v1/fragments/${id}`));
      return (await Promise.all(reads))[0] as Uint8Array;
    },
  };
});

const columns = { count: [2, 64], sizeBytes: [10_000, 10_000] } as const;

await bench("storage-node PUT columns, durable", columns, ({ sizes: { count, sizeBytes } }) => {
  const bodies = Array.from({ length: count }, () => {
    const file = encodeTestFile(random.bytes(sizeBytes), PROFILES.standard);
    const placement = placeOnly(file.profile, 0, node.account);
    const head = encodeFrameHead(receiptRequestCodec, file.receiptRequest(0, placement));
    return concatBytes(head, file.fragments[0]?.[0] as Uint8Array);
  });
  return {
    operations: count,
    async body() {
      const receipts = await Promise.all(bodies.map((body) => send("PUT", "/v1/columns", body)));
      return concatBytes(...receipts);
    },
  };
});

await dispatcher.close();
await bed.close();
