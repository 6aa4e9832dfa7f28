/** Calls a second through ABI decoding, handler, storage codecs and result, over state in memory. */
import { bench } from "@cess/std/bench";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { MIB } from "@cess/std/units";
import { encodeFunctionData } from "viem";
import { SEGMENT_ALL } from "./states.ts";
import { AUDIT, FILES, fidOf, MINERS, OWNER, type TEEActor, World } from "./testing/world.ts";

const CALLS = { calls: [4, 400] } as const;

interface Call {
  readonly to: Hex;
  readonly data: Hex;
  readonly from: Hex;
}

/** Runs calls one after the other, each on the same state. */
function repeat(world: World, calls: readonly Call[]) {
  return {
    operations: calls.length,
    async body() {
      for (const { to, data, from } of calls) await world.chain.simulate(to, data, from);
      return hexToBytes(world.chain.gasUsed.toString(16).padStart(16, "0"));
    },
  };
}

await bench("module/minerOf", CALLS, async ({ sizes }) => {
  const world = await World.create();
  const from = world.miners[0]?.account as Hex;
  const data = encodeFunctionData({ abi: MINERS.abi, functionName: "minerOf", args: [from] });
  return repeat(world, Array(sizes.calls).fill({ to: MINERS.address, data, from }));
});

await bench("module/declare, receipts seen before", CALLS, async ({ sizes }) => {
  const world = await World.create();
  const calls = Array.from({ length: sizes.calls }, (_, index) => declareCall(world, `${index}`));
  return repeat(world, calls);
});

await bench("module/reportTags", CALLS, async ({ sizes }) => {
  const world = await World.create();
  const from = world.miners[0]?.account as Hex;
  const calls: Call[] = [];
  for (let index = 0; index < sizes.calls; index += 1) {
    const fid = await world.declare(`${index}`, { sizeBytes: MIB });
    const items = [{ fid, segment: SEGMENT_ALL, column: 0 }];
    const report = world.report(world.tees[0] as TEEActor, from, items);
    const data = encodeFunctionData({ abi: FILES.abi, functionName: "reportTags", args: [report] });
    calls.push({ to: FILES.address, data, from });
  }
  return repeat(world, calls);
});

await bench("module/submitProof", CALLS, async ({ sizes }) => {
  const world = await World.create();
  for (let index = 0; index < 40; index += 1) {
    await world.tag(await world.declare(`${index}`, { sizeBytes: MIB }));
  }
  const from = world.miners[0]?.account as Hex;
  const id = await world.untilChallenged(from);
  const args = [id, await world.answers(id)] as const;
  const data = encodeFunctionData({ abi: AUDIT.abi, functionName: "submitProof", args });
  return repeat(world, Array(sizes.calls).fill({ to: AUDIT.address, data, from }));
});

function declareCall(world: World, name: string): Call {
  const declared = world.declaration(fidOf(name), { sizeBytes: 10 * MIB });
  const args = [[declared]] as const;
  const data = encodeFunctionData({ abi: FILES.abi, functionName: "declare", args });
  return { to: FILES.address, data, from: OWNER.account };
}
