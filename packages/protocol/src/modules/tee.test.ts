import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { createTestAttestation } from "../attestation.ts";
import { refused } from "../testing/refused.ts";
import {
  PARAMS,
  registerTEE,
  STRANGER,
  TEE,
  type TEEActor,
  TEST_ROOT,
  teeActor,
  World,
} from "../testing/world.ts";

interface Change {
  readonly rootKey?: Uint8Array;
  readonly chainId?: number;
  readonly attested?: { readonly reportSigner?: Hex; readonly account?: Hex };
  readonly kind?: number;
  readonly tagKey?: Hex;
  readonly short?: bigint;
}

async function register(world: World, tee: TEEActor, change: Change = {}): Promise<void> {
  const { chain } = world;
  const keys = {
    account: tee.account,
    reportSigner: tee.signer.account,
    tagKeyHash: bytesToHex(tee.tagKeyHash),
    tagKey: change.tagKey ?? bytesToHex(tee.tagKey),
  };
  const attested = { ...keys, ...change.attested };
  const chainId = change.chainId ?? chain.spec.chainId;
  const attestation = createTestAttestation(change.rootKey ?? TEST_ROOT.key, attested, chainId);
  if (change.kind !== undefined) attestation[0] = change.kind;
  const bond = await chain.view(PARAMS, "parameterOf", ["teeBondWei"]);
  const { reportSigner, tagKeyHash, tagKey } = keys;
  const args = ["http://t", reportSigner, tagKeyHash, tagKey, 0, bytesToHex(attestation)] as const;
  await chain.send(TEE, "register", args, {
    from: tee.account,
    value: bond - (change.short ?? 0n),
  });
}

async function createScene(spec = {}): Promise<{ world: World; tee: TEEActor }> {
  const world = await World.create({ teeCount: 0, spec });
  const tee = teeActor(5);
  world.chain.fund(tee.account, 10n ** 24n);
  return { world, tee };
}

test("attack: attestations by another root, for other keys, accounts, chains, of another kind", async () => {
  const { world, tee } = await createScene();
  const attempt = (change: Change) => {
    return assert.rejects(register(world, tee, change), refused("ATTESTATION_INVALID"));
  };
  await attempt({ rootKey: STRANGER.key });
  await attempt({ attested: { reportSigner: STRANGER.account } });
  await attempt({ attested: { account: STRANGER.account } });
  await attempt({ chainId: 1 });
  await attempt({ kind: 1 });
  await register(world, tee);
  assert.equal((await world.chain.view(TEE, "workerOf", [tee.account])).isActive, true);
});

test("attack: a test attestation where the spec does not accept those", async () => {
  const { world, tee } = await createScene({ acceptsTestAttestation: false });
  await assert.rejects(register(world, tee), refused("ATTESTATION_INVALID"));
});

test("attack: a short bond, a tag key that is none, a second registration", async () => {
  const { world, tee } = await createScene();
  await assert.rejects(register(world, tee, { short: 1n }), refused("PAYMENT_SHORT"));
  const none: Hex = `0x${"00".repeat(192)}`;
  await assert.rejects(register(world, tee, { tagKey: none }), refused("ARGUMENT_INVALID"));
  await register(world, tee);
  await assert.rejects(register(world, tee), refused("ALREADY_EXISTS"));
});

test("an idle worker is retired and may resume; one that left gets its bond and may return", async () => {
  const { world, tee } = await createScene({ teeIdleBlocks: 10 });
  const { chain } = world;
  await registerTEE(chain, tee);
  await chain.blocks(10);
  assert.equal((await chain.view(TEE, "workerOf", [tee.account])).isActive, false);
  await chain.send(TEE, "resume", [], { from: tee.account });
  await assert.rejects(
    chain.send(TEE, "resume", [], { from: tee.account }),
    refused("STATE_WRONG"),
  );
  await chain.send(TEE, "exit", [], { from: tee.account });
  for (const call of ["exit", "resume", "withdraw"] as const) {
    const code = call === "withdraw" ? "TOO_EARLY" : "STATE_WRONG";
    await assert.rejects(chain.send(TEE, call, [], { from: tee.account }), refused(code));
  }
  await chain.blocks(chain.spec.unbondingBlocks);
  const before = chain.balanceOf(tee.account);
  await chain.send(TEE, "withdraw", [], { from: tee.account });
  assert(chain.balanceOf(tee.account) > before);
  await assert.rejects(
    chain.send(TEE, "withdraw", [], { from: tee.account }),
    refused("STATE_WRONG"),
  );
  const other = { ...tee, tagKey: new Uint8Array(192).fill(9) };
  await assert.rejects(registerTEE(chain, other), refused("NOT_ALLOWED"));
  await registerTEE(chain, tee);
});

test("work keeps a worker from being retired", async () => {
  const world = await World.create({ teeCount: 1, spec: { teeIdleBlocks: 10 } });
  const [tee] = world.tees as [TEEActor];
  await world.chain.blocks(6);
  await world.tag(await world.declare("a"));
  await world.chain.blocks(6);
  assert.equal((await world.chain.view(TEE, "workerOf", [tee.account])).isActive, true);
});
