import assert from "node:assert/strict";
import { test } from "node:test";
import { bigintToBytes, concatBytes, hexToBytes, utf8ToBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import {
  aggregateBLS,
  assertBLSPublicKey,
  blsPublicKeyOf,
  createBLSKeyPair,
  provePossession,
  signBLS,
  verifyBLS,
  verifyBLSBatch,
  verifyDistinctMessages,
  verifyPossession,
  verifySameMessage,
} from "./bls.ts";

const DST = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
const keys = Array.from({ length: 5 }, (_, index) => {
  return createBLSKeyPair(new Uint8Array(32).fill(index + 1));
});
const publicKeys = keys.map((key) => key.publicKey);
const message = utf8ToBytes("block 7");
const signatures = keys.map((key) => signBLS(message, key.secretKey));
const INFINITY_G1 = concatBytes(Uint8Array.of(0xc0), new Uint8Array(47));
const INFINITY_G2 = concatBytes(Uint8Array.of(0xc0), new Uint8Array(95));

test("vector: the Ethereum consensus specification's sign case", () => {
  const secretKey = hexToBytes("263dbd792f5b1be47ed85f8938c0f29586af0d3ac7b977f21c278fe1462040e3");
  const signature = signBLS(new Uint8Array(32), secretKey);
  assert(
    verifyBLS({ message: new Uint8Array(32), publicKey: blsPublicKeyOf(secretKey), signature }),
  );
  assert.deepEqual(
    signature,
    hexToBytes(
      "b6ed936746e01f8ecf281f020953fbf1f01debd5657c4a383940b020b26507f6076334f91e2366c96e9ab279fb5158090352ea1c5b0c9274504f4f0e7053af24802e51e4568d164fe986834f41e55c8e850ce1f98458c0cfc9ab380b55285a55",
    ),
  );
});

test("signatures equal those of another implementation", () => {
  const point = bls12_381.longSignatures.hash(message, DST);
  for (const [index, key] of keys.entries()) {
    const other = bls12_381.longSignatures.sign(point, key.secretKey);
    assert.deepEqual(signatures[index], other.toBytes(true));
  }
});

test("one aggregate stands for all signers of one message, and for no others", () => {
  const aggregate = aggregateBLS(signatures);
  assert(verifySameMessage(message, publicKeys, aggregate));
  assert(!verifySameMessage(message, publicKeys.slice(1), aggregate));
  assert(!verifySameMessage(utf8ToBytes("block 8"), publicKeys, aggregate));
  assert(!verifySameMessage(message, publicKeys, aggregateBLS(signatures.slice(1))));
  assert(!verifySameMessage(message, [], INFINITY_G2));
});

test("aggregates of distinct messages", () => {
  const messages = keys.map((_, index) => Uint8Array.of(index));
  const aggregate = aggregateBLS(
    keys.map((key, index) => signBLS(messages[index]!, key.secretKey)),
  );
  assert(verifyDistinctMessages(messages, publicKeys, aggregate));
  assert(!verifyDistinctMessages(messages.toReversed(), publicKeys, aggregate));
  const repeated = messages.map(() => message);
  assert(!verifyDistinctMessages(repeated, publicKeys, aggregateBLS(signatures)));
});

test("a batch is accepted only if each signature is right", () => {
  const batch = keys.map((key, index) => {
    return { message, publicKey: key.publicKey, signature: signatures[index]! };
  });
  assert(verifyBLSBatch(batch));
  assert(verifyBLSBatch([]));
  assert(!verifyBLSBatch(batch.with(2, { ...batch[2]!, message: Uint8Array.of(0) })));
});

test("attack: two wrong signatures whose errors cancel pass a sum, not a batch", () => {
  const [first, second] = signatures.map((signature) => bls12_381.G2.Point.fromBytes(signature));
  const shift = bls12_381.G2.Point.BASE;
  const forged = [first!.add(shift).toBytes(true), second!.subtract(shift).toBytes(true)];
  assert(verifySameMessage(message, publicKeys.slice(0, 2), aggregateBLS(forged)));
  const batch = forged.map((signature, index) => {
    return { message, publicKey: publicKeys[index]!, signature };
  });
  assert(!verifyBLSBatch(batch));
});

test("attack: a rogue key speaks for an honest one, and cannot prove possession", () => {
  const honest = bls12_381.G1.Point.fromBytes(publicKeys[0]!);
  const rogueSecret = keys[1]!.secretKey;
  const rogue = bls12_381.G1.Point.fromBytes(publicKeys[1]!).subtract(honest).toBytes(true);
  const forged = signBLS(message, rogueSecret);
  assert(
    verifySameMessage(message, [publicKeys[0]!, rogue], forged),
    "which is why keys are registered with a proof",
  );
  assert(!verifyPossession(rogue, provePossession(rogueSecret)));
  assert(verifyPossession(publicKeys[0]!, provePossession(keys[0]!.secretKey)));
  assert(!verifyPossession(publicKeys[0]!, provePossession(keys[1]!.secretKey)));
});

test("attack: keys and signatures at infinity, outside the subgroup, or cut", () => {
  assert(!verifyBLS({ message, publicKey: INFINITY_G1, signature: INFINITY_G2 }));
  assert(!verifySameMessage(message, [INFINITY_G1], INFINITY_G2));
  const outside = pointOutsideSubgroup();
  for (const key of [INFINITY_G1, outside, publicKeys[0]!.subarray(1), new Uint8Array(48)]) {
    assert.throws(
      () => assertBLSPublicKey(key),
      (cause) => hasCode(cause, "KEY_INVALID"),
    );
  }
  const outsideG2 = signatureOutsideSubgroup();
  assert(!verifyBLS({ message, publicKey: publicKeys[0]!, signature: outsideG2 }));
  for (const signature of [signatures[0]!.subarray(1), new Uint8Array(96), outsideG2]) {
    assert.throws(
      () => aggregateBLS([signatures[1]!, signature]),
      (cause) => hasCode(cause, "SIGNATURE_MALFORMED"),
    );
  }
});

test("malformed secrets are refused", () => {
  for (const secretKey of [new Uint8Array(32), new Uint8Array(32).fill(0xff), new Uint8Array(31)]) {
    assert.throws(
      () => signBLS(message, secretKey),
      (cause) => hasCode(cause, "KEY_INVALID"),
    );
  }
  assert.throws(
    () => createBLSKeyPair(new Uint8Array(31)),
    (cause) => hasCode(cause, "KEY_INVALID"),
  );
});

/** A point of the curve that is not in the subgroup, as all but one in 2^125 are not. */
function pointOutsideSubgroup(): Uint8Array {
  const { Fp } = bls12_381.fields;
  let x = 1n;
  while (!isSquare(x ** 3n + 4n)) x += 1n;
  const point = bls12_381.G1.Point.fromAffine({ x, y: Fp.sqrt(Fp.create(x ** 3n + 4n)) });
  assert(!point.isTorsionFree());
  return concatBytes(Uint8Array.of(0x80), bigintToBytes(x, 47));

  function isSquare(value: bigint): boolean {
    return Fp.eql(Fp.pow(value, (Fp.ORDER - 1n) / 2n), Fp.ONE);
  }
}

/** The same in G2: x = (c0, 0) for the first c0 that has a point. */
function signatureOutsideSubgroup(): Uint8Array {
  const { Fp2 } = bls12_381.fields;
  for (let c0 = 1n; c0 < 100n; c0 += 1n) {
    const x = Fp2.create({ c0, c1: 0n });
    const square = Fp2.add(Fp2.mul(Fp2.sqr(x), x), Fp2.create({ c0: 4n, c1: 4n }));
    if (!isSquareOf(square)) continue;
    const point = bls12_381.G2.Point.fromAffine({ x, y: Fp2.sqrt(square) });
    assert(!point.isTorsionFree());
    return concatBytes(Uint8Array.of(0x80), new Uint8Array(47), bigintToBytes(c0, 48));
  }
  assert.fail("half of all x have a point");

  function isSquareOf(value: typeof Fp2.ONE): boolean {
    return Fp2.eql(Fp2.pow(value, (Fp2.ORDER - 1n) / 2n), Fp2.ONE);
  }
}
