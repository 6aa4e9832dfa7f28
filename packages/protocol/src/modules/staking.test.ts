import assert from "node:assert/strict";
import { test } from "node:test";
import { createBLSKeyPair, provePossession } from "@cess/crypto/bls";
import { vrfPublicKeyOf } from "@cess/crypto/vrf";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { TREASURY_ADDRESS } from "../addresses.ts";
import { refused } from "../testing/refused.ts";
import { actor, PARAMS, STAKING, STRANGER, TIMELOCK, World } from "../testing/world.ts";

const from = STRANGER.account;
const BOND = 300_000n * CESS;
const keys = createBLSKeyPair(new Uint8Array(32).fill(3));
const key = bytesToHex(keys.publicKey);
const proof = bytesToHex(provePossession(keys.secretKey));
const vrf = bytesToHex(vrfPublicKeyOf(new Uint8Array(32).fill(4)));

test("the genesis validators are bonded and sit", async () => {
  const { chain } = await World.create();
  const seats = await chain.view(STAKING, "committee", []);
  assert.deepEqual([seats.length, seats[0]?.bondedWei], [1, chain.spec.validatorBondWei]);
  const sitting = actor("validator").account;
  const leave = chain.send(STAKING, "unbond", [BOND], { from: sitting });
  await assert.rejects(leave, refused("STATE_WRONG"));
});

test("a bond comes back after the unbonding time, once, and the account may register anew", async () => {
  const { chain } = await World.create();
  const register = () => chain.send(STAKING, "register", [key, proof, vrf], { from, value: BOND });
  await register();
  await assert.rejects(register(), refused("ALREADY_EXISTS"));
  await chain.send(STAKING, "bond", [], { from, value: CESS });
  const unbond = (wei: bigint) => chain.send(STAKING, "unbond", [wei], { from });
  await assert.rejects(unbond(2n * CESS), refused("PAYMENT_SHORT"));
  await assert.rejects(unbond(BOND * 2n), refused("ARGUMENT_INVALID"));
  await assert.rejects(unbond(0n), refused("ARGUMENT_INVALID"));
  await unbond(CESS);
  await unbond(BOND);
  await assert.rejects(chain.send(STAKING, "withdraw", [], { from }), refused("TOO_EARLY"));
  await chain.blocks(chain.spec.unbondingBlocks);
  const before = chain.balanceOf(from);
  await chain.send(STAKING, "withdraw", [], { from });
  assert.equal(chain.balanceOf(from) - before, BOND + CESS);
  await assert.rejects(chain.send(STAKING, "withdraw", [], { from }), refused("NOT_FOUND"));
  await register();
});

test("attack: a low bond, a stolen BLS key, a VRF key of small order", async () => {
  const { chain } = await World.create();
  const register = (args: readonly [Hex, Hex, Hex], value = BOND) => {
    return chain.send(STAKING, "register", args, { from, value });
  };
  await assert.rejects(register([key, proof, vrf], BOND - 1n), refused("PAYMENT_SHORT"));
  const other = createBLSKeyPair(new Uint8Array(32).fill(9));
  const stolen = bytesToHex(provePossession(other.secretKey));
  await assert.rejects(register([key, stolen, vrf]), refused("SIGNATURE_INVALID"));
  const small: Hex = `0x01${"00".repeat(31)}`;
  await assert.rejects(register([key, proof, small]), refused("ARGUMENT_INVALID"));
});

test("attack: parameters and the treasury by anyone but the timelock, or out of bounds", async () => {
  const { chain } = await World.create();
  const change = (name: string, value: bigint, by: Hex) => {
    return chain.send(PARAMS, "change", [name, value], { from: by });
  };
  await assert.rejects(change("territoryPriceWei", 5n, from), refused("NOT_ALLOWED"));
  await assert.rejects(
    change("territoryPriceWei", 0n, TIMELOCK.account),
    refused("ARGUMENT_INVALID"),
  );
  await assert.rejects(change("toString", 1n, TIMELOCK.account), refused("NOT_FOUND"));
  await change("territoryPriceWei", 5n, TIMELOCK.account);
  assert.equal(await chain.view(PARAMS, "parameterOf", ["territoryPriceWei"]), 5n);
  const spend = (wei: bigint, by: Hex) => chain.send(PARAMS, "spend", [from, wei], { from: by });
  await assert.rejects(spend(1n, from), refused("NOT_ALLOWED"));
  const funds = chain.balanceOf(TREASURY_ADDRESS);
  await assert.rejects(spend(funds + 1n, TIMELOCK.account), refused("PAYMENT_SHORT"));
  await spend(funds, TIMELOCK.account);
  assert.equal(chain.balanceOf(TREASURY_ADDRESS), 0n);
});
