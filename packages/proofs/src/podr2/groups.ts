/**
 * The groups of BLS12-381 by mcl, the only importer of it. Points are written compressed, in the
 * format of Zcash and Ethereum.
 * @module
 */

import { equalBytes, hexToBytes } from "@cess/std/bytes";
import mcl, { type Fr, type G1, type G2 } from "mcl-wasm";
import { ProofError } from "../error.ts";
import { encodeScalar } from "./field.ts";

export type { G1, G2 } from "mcl-wasm";

export const G1_BYTES: number = 48;
export const G2_BYTES: number = 96;

const GENERATOR_G1 = hexToBytes(
  "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58" +
    "6c55e83ff97a1aeffb3af00adb22c6bb",
);
const GENERATOR_G2 = hexToBytes(
  "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049" +
    "334cf11213945d57e5ac7d055d042b7e" +
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d177" +
    "0bac0326a805bbefd48056c8c121bdb8",
);
/** Points of one call of mcl, which copies them to a stack of 1 MiB. */
const MULTIPLY_POINTS_MAX = 4096;

/** All values are in the subgroups of order r, unless decoded by `decodeOwnG1`. */
export interface Groups {
  readonly g1: G1;
  readonly g2: G2;
  /** Hashes to G₁ by RFC 9380, suite `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_`. */
  hashToG1(message: Uint8Array): G1;
  add(left: G1, right: G1): G1;
  negateG2(point: G2): G2;
  multiply(point: G1, scalar: bigint): G1;
  multiplyG2(point: G2, scalar: bigint): G2;
  /** Σ scalar_i · point_i; the identity if there are none. */
  combine(points: readonly G1[], scalars: readonly bigint[]): G1;
  /** Whether Π e(left, right) = 1. */
  isPairingProductOne(pairs: readonly (readonly [G1, G2])[]): boolean;
  /** Affine coordinates for all, in place: later sums are faster. */
  normalizeInto(points: G1[]): void;
  encode(point: G1 | G2): Uint8Array;
  /** @throws {@link ProofError} `POINT_MALFORMED` unless canonical and in the subgroup. */
  decodeG1(bytes: Uint8Array): G1;
  /** @throws {@link ProofError} `POINT_MALFORMED` unless canonical and in the subgroup. */
  decodeG2(bytes: Uint8Array): G2;
  /**
   * Like `decodeG1` without the subgroup check, four times as fast: for points whose damage harms
   * their reader alone.
   */
  decodeOwnG1(bytes: Uint8Array): G1;
}

let groups: Promise<Groups> | undefined;

/** mcl keeps its state in its module and must not be started twice in one thread. */
export function initGroups(): Promise<Groups> {
  groups ??= startGroups();
  return groups;
}

async function startGroups(): Promise<Groups> {
  await mcl.init(mcl.BLS12_381);
  mcl.setETHserialization(true);
  mcl.setMapToMode(mcl.IRTF);
  // The decoders here check the order themselves, where it matters.
  mcl.verifyOrderG1(false);
  mcl.verifyOrderG2(false);
  return {
    g1: decode("G1", GENERATOR_G1, new mcl.G1()),
    g2: decode("G2", GENERATOR_G2, new mcl.G2()),
    hashToG1: (message) => mcl.hashAndMapToG1(message),
    add: (left, right) => mcl.add(left, right),
    negateG2: (point) => mcl.neg(point),
    multiply: (point, scalar) => mcl.mul(point, toFr(scalar)),
    multiplyG2: (point, scalar) => mcl.mul(point, toFr(scalar)),
    combine,
    isPairingProductOne,
    normalizeInto: (points) => mcl.normalizeVec(points),
    encode: (point) => point.serialize(),
    decodeG1: (bytes) => requireOrder("G1", decode("G1", bytes, new mcl.G1())),
    decodeG2: (bytes) => requireOrder("G2", decode("G2", bytes, new mcl.G2())),
    decodeOwnG1: (bytes) => decode("G1", bytes, new mcl.G1()),
  };
}

function toFr(scalar: bigint): Fr {
  const value = new mcl.Fr();
  value.setBigEndianMod(encodeScalar(scalar));
  return value;
}

function combine(points: readonly G1[], scalars: readonly bigint[]): G1 {
  let sum = new mcl.G1();
  for (let start = 0; start < points.length; start += MULTIPLY_POINTS_MAX) {
    const end = start + MULTIPLY_POINTS_MAX;
    const part = mcl.mulVec(points.slice(start, end), scalars.slice(start, end).map(toFr));
    sum = mcl.add(sum, part);
  }
  return sum;
}

function isPairingProductOne(pairs: readonly (readonly [G1, G2])[]): boolean {
  const loops = pairs.map(([left, right]) => mcl.millerLoop(left, right));
  return mcl.finalExp(loops.reduce((product, loop) => mcl.mul(product, loop))).isOne();
}

/** Reads a point of the curve and refuses every encoding but the one it would be written in. */
function decode<Point extends G1 | G2>(group: "G1" | "G2", bytes: Uint8Array, into: Point): Point {
  try {
    into.deserialize(bytes);
  } catch (cause) {
    throw new ProofError({ code: "POINT_MALFORMED", group }, { cause });
  }
  if (!equalBytes(into.serialize(), bytes))
    throw new ProofError({ code: "POINT_MALFORMED", group });
  return into;
}

function requireOrder<Point extends G1 | G2>(group: "G1" | "G2", point: Point): Point {
  if (!point.isValidOrder()) throw new ProofError({ code: "POINT_MALFORMED", group });
  return point;
}
