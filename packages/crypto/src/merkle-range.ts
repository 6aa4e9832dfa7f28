/**
 * Proofs that a run of neighbouring leaves belongs to a tree: what a reader of a byte range needs.
 * The proof is the roots of the largest subtrees outside of the run, from left to right.
 * @module
 */
import assert from "node:assert/strict";
import { equalBytes } from "@cess/std/bytes";
import { HASH_BYTES, hashNode, leftCount, MERKLE_LEAVES_MAX, rootOf } from "./merkle.ts";

/** Leaves [first, first + count) of a tree of leafCount leaves. */
export interface LeafRange {
  readonly first: number;
  readonly count: number;
  readonly leafCount: number;
}

/** What stands in for a subtree of `count` leaves from `start` while a root is put together. */
interface Subtree {
  readonly start: number;
  readonly count: number;
}

/** At most two hashes for each level of the tree. */
export function rangeProof(
  leafHashes: readonly Uint8Array[],
  { first, count }: { readonly first: number; readonly count: number },
): Uint8Array[] {
  const range = { first, count, leafCount: leafHashes.length };
  assert(isRange(range));
  const proof: Uint8Array[] = [];
  const visit = (subtree: Subtree): void => {
    if (isOutside(subtree, range)) proof.push(rootOf(leafHashes, subtree.start, subtree.count));
    else if (subtree.count > 1) halves(subtree).forEach(visit);
  };
  visit({ start: 0, count: leafHashes.length });
  return proof;
}

export interface RunOfLeaves {
  readonly leafHashes: readonly Uint8Array[];
  readonly proof: readonly Uint8Array[];
}

/** True if `leafHashes` are the leaves of `range`, in order, in the tree under `root`. */
export function verifyRange(root: Uint8Array, range: LeafRange, run: RunOfLeaves): boolean {
  const found = rootFromRange(range, run);
  return found !== undefined && equalBytes(found, root);
}

/**
 * The root of the tree in which the leaves stand. Reads only as many hashes as the range calls for.
 *
 * @returns undefined if a hash is missing, left over, or of another length.
 */
export function rootFromRange(
  range: LeafRange,
  { leafHashes, proof }: RunOfLeaves,
): Uint8Array | undefined {
  if (!isRange(range) || leafHashes.length !== range.count) return undefined;
  if (![...leafHashes, ...proof].every((each) => each.length === HASH_BYTES)) return undefined;
  let used = 0;
  const rebuild = (subtree: Subtree): Uint8Array | undefined => {
    if (isOutside(subtree, range)) {
      used += 1;
      return proof[used - 1];
    }
    if (subtree.count === 1) return leafHashes[subtree.start - range.first];
    const [leftHalf, rightHalf] = halves(subtree);
    const left = rebuild(leftHalf);
    const right = left && rebuild(rightHalf);
    return left && right && hashNode(left, right);
  };
  const found = rebuild({ start: 0, count: range.leafCount });
  return used === proof.length ? found : undefined;
}

function halves({ start, count }: Subtree): readonly [Subtree, Subtree] {
  const left = leftCount(count);
  return [
    { start, count: left },
    { start: start + left, count: count - left },
  ];
}

function isOutside({ start, count }: Subtree, range: LeafRange): boolean {
  return start + count <= range.first || start >= range.first + range.count;
}

function isRange({ first, count, leafCount }: LeafRange): boolean {
  return (
    [first, count, leafCount].every(Number.isInteger) &&
    first >= 0 &&
    count >= 1 &&
    first + count <= leafCount &&
    leafCount <= MERKLE_LEAVES_MAX
  );
}
