import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, concatBytes, hexToBytes } from "@cess/std/bytes";
import { ed25519 } from "@noble/curves/ed25519.js";
import { CryptoError } from "./error.ts";
import { proveVRF, verifyVRF, vrfOutputOf, vrfPublicKeyOf } from "./vrf.ts";

/** RFC 9381, appendix B.4, examples 19 to 21. */
const RFC_9381_B4 = [
  {
    secretKey: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    input: "",
    proof:
      "7d9c633ffeee27349264cf5c667579fc583b4bda63ab71d001f89c10003ab46f14adf9a3cd8b8412d9038531e865c341" +
      "cafa73589b023d14311c331a9ad15ff2fb37831e00f0acaa6d73bc9997b06501",
    output:
      "9d574bf9b8302ec0fc1e21c3ec5368269527b87b462ce36dab2d14ccf80c53cc" +
      "cf6758f058c5b1c856b116388152bbe509ee3b9ecfe63d93c3b4346c1fbc6c54",
  },
  {
    secretKey: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    input: "72",
    proof:
      "47b327393ff2dd81336f8a2ef10339112401253b3c714eeda879f12c509072ef055b48372bb82efbdce8e10c8cb9a2f9" +
      "d60e93908f93df1623ad78a86a028d6bc064dbfc75a6a57379ef855dc6733801",
    output:
      "38561d6b77b71d30eb97a062168ae12b667ce5c28caccdf76bc88e093e463598" +
      "7cd96814ce55b4689b3dd2947f80e59aac7b7675f8083865b46c89b2ce9cc735",
  },
  {
    secretKey: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    input: "af82",
    proof:
      "926e895d308f5e328e7aa159c06eddbe56d06846abf5d98c2512235eaa57fdce35b46edfc655bc828d44ad09d1150f31" +
      "374e7ef73027e14760d42e77341fe05467bb286cc2c9d7fde29120a0b2320d04",
    output:
      "121b7f9b9aaaa29099fc04a94ba52784d44eac976dd1a3cca458733be5cd090a" +
      "7b5fbd148444f17f8daf1fb55cb04b1ae85a626e30a54b4b0f8abf4a43314a58",
  },
] as const;

const ORDER = ed25519.Point.Fn.ORDER;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (cause) {
    assert(cause instanceof CryptoError, String(cause));
    return cause.detail.code;
  }
  return "accepted";
}

function littleEndian32(value: bigint): Uint8Array {
  return hexToBytes(value.toString(16).padStart(64, "0")).reverse();
}

for (const [index, vector] of RFC_9381_B4.entries()) {
  test(`vector: RFC 9381 example ${19 + index}`, () => {
    const secretKey = hexToBytes(vector.secretKey);
    const publicKey = hexToBytes(vector.publicKey);
    const input = hexToBytes(vector.input);
    assert.equal(bytesToHex(vrfPublicKeyOf(secretKey)), `0x${vector.publicKey}`);
    const proof = proveVRF(secretKey, input);
    assert.equal(bytesToHex(proof), `0x${vector.proof}`);
    assert.equal(bytesToHex(verifyVRF(publicKey, input, proof)), `0x${vector.output}`);
    assert.equal(bytesToHex(vrfOutputOf(proof)), `0x${vector.output}`);
  });
}

const [{ secretKey, publicKey, proof }] = RFC_9381_B4;
const key = hexToBytes(publicKey);
const valid = hexToBytes(proof);
const NO_INPUT = new Uint8Array();

test("attack: a second proof by adding the group order to the response", () => {
  const response = valid.slice(48).reverse();
  const shifted = BigInt(bytesToHex(response)) + ORDER;
  const forged = concatBytes(valid.subarray(0, 48), littleEndian32(shifted));
  assert.equal(
    codeOf(() => verifyVRF(key, NO_INPUT, forged)),
    "PROOF_MALFORMED",
  );
});

test("attack: every key of small order, which would give one output for every input", () => {
  const torsion = ed25519.Point.fromHex(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  );
  for (let multiple = 0n; multiple < 8n; multiple += 1n) {
    const point = multiple === 0n ? ed25519.Point.ZERO : torsion.multiplyUnsafe(multiple);
    assert(point.isSmallOrder());
    assert.equal(
      codeOf(() => verifyVRF(point.toBytes(), NO_INPUT, valid)),
      "KEY_INVALID",
    );
  }
});

test("attack: another gamma, so another output, under the same challenge and response", () => {
  const gamma = ed25519.Point.fromBytes(valid.subarray(0, 32));
  const torsion = ed25519.Point.fromHex(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  );
  for (const other of [gamma.negate(), gamma.double(), gamma.add(torsion)]) {
    const forged = concatBytes(other.toBytes(), valid.subarray(32));
    assert.equal(
      codeOf(() => verifyVRF(key, NO_INPUT, forged)),
      "PROOF_INVALID",
    );
  }
});

test("attack: y coordinates that are not reduced", () => {
  // p + 1 encodes the neutral element a second time.
  const unreduced = littleEndian32(2n ** 255n - 19n + 1n);
  assert.equal(
    codeOf(() => verifyVRF(unreduced, NO_INPUT, valid)),
    "KEY_INVALID",
  );
  const forged = concatBytes(unreduced, valid.subarray(32));
  assert.equal(
    codeOf(() => verifyVRF(key, NO_INPUT, forged)),
    "PROOF_MALFORMED",
  );
});

test("attack: any one bit of a proof flipped, another key, another input", () => {
  for (let bit = 0; bit < 8 * valid.length; bit += 7) {
    const forged = valid.slice();
    forged[bit >> 3]! ^= 1 << (bit & 7);
    assert.match(
      codeOf(() => verifyVRF(key, NO_INPUT, forged)),
      /^PROOF_/,
    );
  }
  const otherKey = hexToBytes(RFC_9381_B4[1].publicKey);
  assert.equal(
    codeOf(() => verifyVRF(otherKey, NO_INPUT, valid)),
    "PROOF_INVALID",
  );
  assert.equal(
    codeOf(() => verifyVRF(key, Uint8Array.of(0), valid)),
    "PROOF_INVALID",
  );
});

test("sizes other than 32 and 80 bytes are refused", () => {
  assert.equal(
    codeOf(() => verifyVRF(key.subarray(1), NO_INPUT, valid)),
    "KEY_INVALID",
  );
  assert.equal(
    codeOf(() => verifyVRF(key, NO_INPUT, valid.subarray(1))),
    "PROOF_MALFORMED",
  );
  assert.equal(
    codeOf(() => proveVRF(hexToBytes(secretKey).subarray(1), NO_INPUT)),
    "KEY_INVALID",
  );
});
