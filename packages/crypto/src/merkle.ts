/**
 * Merkle trees of RFC 6962 §2.1 over SHA-256: leaves and nodes are hashed under different prefixes,
 * so that neither can stand for the other, and every count of leaves has one shape.
 * @module
 */
import assert from "node:assert/strict";
import { createHash, hash } from "node:crypto";
import { equalBytes } from "@cess/std/bytes";

export const HASH_BYTES: number = 32;
/** Keeps indexes exact in 32-bit arithmetic: 2^30 leaves of 64 KiB are 64 TiB. */
export const MERKLE_LEAVES_MAX: number = 2 ** 30;

const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = 0x01;

/** Where a leaf stands: an index proves nothing without the count that gives the tree its shape. */
export interface LeafPosition {
  readonly index: number;
  readonly leafCount: number;
}

/** SHA-256(0x00 ‖ leaf). */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  // PERF: two updates rather than a joined copy; a leaf is up to 64 KiB.
  return createLeafHasher().update(leaf).digest();
}

/** {@link hashLeaf} of a leaf that arrives in pieces. */
export interface LeafHasher {
  update(bytes: Uint8Array): LeafHasher;
  /** To be called once. */
  digest(): Uint8Array;
}

export function createLeafHasher(): LeafHasher {
  const inner = createHash("sha256").update(LEAF_PREFIX);
  const hasher: LeafHasher = {
    update(bytes) {
      inner.update(bytes);
      return hasher;
    },
    digest: () => new Uint8Array(inner.digest()),
  };
  return hasher;
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  joined[0] = NODE_PREFIX;
  joined.set(left, 1);
  joined.set(right, 1 + HASH_BYTES);
  return new Uint8Array(hash("sha256", joined, "buffer"));
}

/** Root over leaves as they are; of no leaves, the SHA-256 of nothing. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return merkleRootOfHashes(leaves.map(hashLeaf));
}

/** Root over leaves that are hashed already by {@link hashLeaf}. */
export function merkleRootOfHashes(leafHashes: readonly Uint8Array[]): Uint8Array {
  if (leafHashes.length === 0) return new Uint8Array(hash("sha256", "", "buffer"));
  return rootOf(leafHashes, 0, leafHashes.length);
}

/**
 * Siblings from the leaf to the root.
 *
 * @see RFC 6962 §2.1.1
 */
export function auditPath(leafHashes: readonly Uint8Array[], index: number): Uint8Array[] {
  assert(isPosition({ index, leafCount: leafHashes.length }));
  const path: Uint8Array[] = [];
  let start = 0;
  let count = leafHashes.length;
  while (count > 1) {
    const left = leftCount(count);
    if (index < start + left) {
      path.push(rootOf(leafHashes, start + left, count - left));
      count = left;
    } else {
      path.push(rootOf(leafHashes, start, left));
      start += left;
      count -= left;
    }
  }
  return path.reverse();
}

/**
 * The root that `path` leads to from a leaf.
 *
 * @returns undefined if no tree of `leafCount` leaves has a path of this length at `index`.
 * @see RFC 9162 §2.1.3.2
 */
export function rootFromAuditPath(
  leafHash: Uint8Array,
  position: LeafPosition,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!isPosition(position) || leafHash.length !== HASH_BYTES) return undefined;
  let root = leafHash;
  let index = position.index;
  let last = position.leafCount - 1;
  for (const sibling of path) {
    if (last === 0 || sibling.length !== HASH_BYTES) return undefined;
    if (index % 2 === 1 || index === last) {
      root = hashNode(sibling, root);
      // The last leaf of an uneven tree climbs past the levels at which it has no sibling.
      while (index % 2 === 0 && index > 0) {
        index >>= 1;
        last >>= 1;
      }
    } else {
      root = hashNode(root, sibling);
    }
    index >>= 1;
    last >>= 1;
  }
  return last === 0 ? root : undefined;
}

/** True if `leafHash` is leaf `position.index` of the tree of `position.leafCount` under `root`. */
export function verifyAuditPath(
  root: Uint8Array,
  leafHash: Uint8Array,
  { position, path }: { readonly position: LeafPosition; readonly path: readonly Uint8Array[] },
): boolean {
  const found = rootFromAuditPath(leafHash, position, path);
  return found !== undefined && equalBytes(found, root);
}

/** Root of `count` leaves from `start`. */
export function rootOf(
  leafHashes: readonly Uint8Array[],
  start: number,
  count: number,
): Uint8Array {
  if (count === 1) return leafHashes[start] as Uint8Array;
  const left = leftCount(count);
  return hashNode(rootOf(leafHashes, start, left), rootOf(leafHashes, start + left, count - left));
}

/** Leaves of the left subtree: the largest power of two below `count`, which is at least 2. */
export function leftCount(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1));
}

function isPosition({ index, leafCount }: LeafPosition): boolean {
  return (
    Number.isInteger(index) &&
    Number.isInteger(leafCount) &&
    index >= 0 &&
    index < leafCount &&
    leafCount <= MERKLE_LEAVES_MAX
  );
}
