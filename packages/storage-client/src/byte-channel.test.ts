import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteChannel } from "./byte-channel.ts";

const chunk = (value: number) => Uint8Array.of(value);

async function collect(channel: ByteChannel): Promise<number[]> {
  const values: number[] = [];
  for await (const each of channel) values.push(each[0] as number);
  return values;
}

test("chunks arrive in order, and a writer waits for a reader that is behind", async () => {
  const channel = new ByteChannel(2);
  const reading = collect(channel);
  let waits = 0;
  for (let value = 0; value < 10; value += 1) {
    if (!channel.hasRoom) {
      waits += 1;
      await channel.room();
    }
    assert(channel.push(chunk(value)));
  }
  channel.end();
  assert.deepEqual(await reading, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert(waits > 0);
});

test("the reader sees the writer's failure after what came before it", async () => {
  const channel = new ByteChannel(2);
  channel.push(chunk(1));
  channel.fail(new RangeError("broken"));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const each of channel) seen.push(each[0] as number);
  }, RangeError);
  assert.deepEqual(seen, [1]);
});

test("a reader that leaves releases a waiting writer, whose chunks are then refused", async () => {
  const channel = new ByteChannel(1);
  channel.push(chunk(1));
  const waiting = channel.room();
  for await (const _ of channel) break;
  await waiting;
  assert.equal(channel.push(chunk(2)), false);
  assert(channel.isAbandoned);
});
