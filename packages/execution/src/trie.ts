/**
 * The Merkle Patricia trie as pure functions over a store of nodes. Updates come in one batch for a
 * block, so that each changed node is hashed once, however many of its keys changed.
 * @see https://ethereum.github.io/yellowpaper/paper.pdf appendix D
 * @module
 */
import assert from "node:assert/strict";
import { keccak256 } from "@cess/crypto/secp256k1";
import { compareBytes, equalBytes } from "@cess/std/bytes";
import {
  bytesToNibbles,
  EMPTY_ROOT,
  encodeNode,
  type TrieChild,
  type TrieNode,
} from "./trie-node.ts";

/** Nodes by hash. */
export interface NodeReader {
  /** The decoded node, not to be changed. Asserts that it is there. */
  node(hash: Uint8Array): TrieNode;
}

export interface NodeWriter {
  put(hash: Uint8Array, encoded: Uint8Array): void;
}

export interface TrieUpdate {
  /** 32 bytes, or another length as long as no key is a prefix of another. */
  readonly key: Uint8Array;
  /** Undefined deletes the key. */
  readonly value: Uint8Array | undefined;
}

interface Entry {
  /** Nibbles of the whole key. */
  readonly path: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** The value at `key` in the trie with this root. */
export function readTrie(
  nodes: NodeReader,
  root: Uint8Array,
  key: Uint8Array,
): Uint8Array | undefined {
  const path = bytesToNibbles(key);
  let child: TrieChild | undefined = equalBytes(root, EMPTY_ROOT) ? undefined : root;
  let depth = 0;
  while (child !== undefined) {
    const node = resolve(nodes, child);
    if (node.kind === "branch") {
      child = node.children[path[depth]!];
      depth += 1;
      continue;
    }
    const isLeaf = node.kind === "leaf";
    if (isLeaf && depth + node.path.length !== path.length) return undefined;
    if (!startsWith(path, node.path, depth)) return undefined;
    if (isLeaf) return node.value;
    depth += node.path.length;
    child = node.child;
  }
  return undefined;
}

/**
 * Encoded nodes from the root towards `key`: they prove its value, or that it has none.
 *
 * @see https://eips.ethereum.org/EIPS/eip-1186
 */
export function proveInTrie(
  nodes: NodeReader,
  root: Uint8Array,
  key: Uint8Array,
): readonly Uint8Array[] {
  const proof: Uint8Array[] = [];
  const path = bytesToNibbles(key);
  let child: TrieChild | undefined = equalBytes(root, EMPTY_ROOT) ? undefined : root;
  let depth = 0;
  while (child !== undefined) {
    const node = resolve(nodes, child);
    // A node that is shorter than its hash is part of its parent and has been proven with it.
    if (child instanceof Uint8Array) proof.push(encodeNode(node, () => undefined));
    if (node.kind === "leaf") break;
    if (node.kind === "extension" && !startsWith(path, node.path, depth)) break;
    child = node.kind === "branch" ? node.children[path[depth]!] : node.child;
    depth += node.kind === "branch" ? 1 : node.path.length;
  }
  return proof;
}

/**
 * Applies `updates`, which may come in any order but name each key once.
 *
 * @returns The new root. New nodes go to `into`; old ones stay, so that old roots stay readable.
 */
export function updateTrie(
  nodes: NodeReader,
  into: NodeWriter,
  batch: { readonly root: Uint8Array; readonly updates: readonly TrieUpdate[] },
): Uint8Array {
  const { root, updates } = batch;
  if (updates.length === 0) return root;
  const entries = updates.map(({ key, value }) => ({ path: bytesToNibbles(key), value }));
  entries.sort((left, right) => compareBytes(left.path, right.path));
  const before = equalBytes(root, EMPTY_ROOT) ? undefined : root;
  const after = apply(nodes, before, { entries, depth: 0 });
  if (after === undefined) return EMPTY_ROOT;
  if (after instanceof Uint8Array) return after;
  const encoded = encodeNode(after, (hash, bytes) => into.put(hash, bytes));
  const hash = keccak256(encoded);
  into.put(hash, encoded);
  return hash;
}

/** Entries that share their first `depth` nibbles, in order of their paths. */
interface Batch {
  readonly entries: readonly Entry[];
  readonly depth: number;
}

function apply(
  nodes: NodeReader,
  child: TrieChild | undefined,
  batch: Batch,
): TrieChild | undefined {
  if (child === undefined) return build(batch);
  if (batch.entries.length === 0) return child;
  const node = resolve(nodes, child);
  switch (node.kind) {
    case "leaf":
      return applyToLeaf(node.path, node.value, batch);
    case "extension":
      return applyToExtension(nodes, node, batch);
    case "branch":
      return applyToBranch(nodes, node.children, batch);
  }
}

function applyToLeaf(
  rest: Uint8Array,
  value: Uint8Array,
  { entries, depth }: Batch,
): TrieNode | undefined {
  const path = joinPath(entries[0]!.path.subarray(0, depth), rest);
  const at = entries.findIndex((entry) => compareBytes(entry.path, path) >= 0);
  const index = at === -1 ? entries.length : at;
  if (index < entries.length && equalBytes(entries[index]!.path, path)) {
    return build({ entries, depth });
  }
  const merged = [...entries.slice(0, index), { path, value }, ...entries.slice(index)];
  return build({ entries: merged, depth });
}

function applyToExtension(
  nodes: NodeReader,
  node: { readonly path: Uint8Array; readonly child: TrieChild },
  { entries, depth }: Batch,
): TrieChild | undefined {
  let shared = node.path.length;
  for (const { path } of entries) shared = Math.min(shared, sharedLength(path, node.path, depth));
  const inner = { entries, depth: depth + shared };
  if (shared === node.path.length) {
    return extend(nodes, node.path, apply(nodes, node.child, inner));
  }
  const children: (TrieChild | undefined)[] = new Array(16).fill(undefined);
  const rest = node.path.subarray(shared + 1);
  children[node.path[shared]!] =
    rest.length === 0 ? node.child : { kind: "extension", path: rest, child: node.child };
  return extend(nodes, node.path.subarray(0, shared), applyToBranch(nodes, children, inner));
}

function applyToBranch(
  nodes: NodeReader,
  before: readonly (TrieChild | undefined)[],
  { entries, depth }: Batch,
): TrieChild | undefined {
  const children = [...before];
  for (const group of groupByNibble(entries, depth)) {
    const nibble = group[0]!.path[depth]!;
    children[nibble] = apply(nodes, children[nibble], { entries: group, depth: depth + 1 });
  }
  const used = children.findIndex((child) => child !== undefined);
  if (used === -1) return undefined;
  const isBranch = children.some((child, index) => child !== undefined && index !== used);
  if (isBranch) return { kind: "branch", children };
  return extend(nodes, Uint8Array.of(used), children[used]);
}

/** A trie of these entries alone. */
function build({ entries, depth }: Batch): TrieNode | undefined {
  const present = entries.filter((entry) => entry.value !== undefined);
  const first = present[0];
  if (first === undefined) return undefined;
  if (present.length === 1) {
    return { kind: "leaf", path: first.path.subarray(depth), value: first.value as Uint8Array };
  }
  const last = present[present.length - 1]!;
  const shared = sharedLength(first.path, last.path.subarray(depth), depth);
  const children: (TrieChild | undefined)[] = new Array(16).fill(undefined);
  for (const group of groupByNibble(present, depth + shared)) {
    const inner = { entries: group, depth: depth + shared + 1 };
    children[group[0]!.path[depth + shared]!] = build(inner);
  }
  const branch: TrieNode = { kind: "branch", children };
  const path = first.path.subarray(depth, depth + shared);
  return shared === 0 ? branch : { kind: "extension", path, child: branch };
}

/** `child` behind `path`, in the one form that a trie may have. */
function extend(
  nodes: NodeReader,
  path: Uint8Array,
  child: TrieChild | undefined,
): TrieChild | undefined {
  if (child === undefined || path.length === 0) return child;
  const node = resolve(nodes, child);
  if (node.kind === "branch") return { kind: "extension", path, child };
  return { ...node, path: joinPath(path, node.path) };
}

function resolve(nodes: NodeReader, child: TrieChild): TrieNode {
  return child instanceof Uint8Array ? nodes.node(child) : child;
}

function groupByNibble(entries: readonly Entry[], depth: number): Entry[][] {
  const groups: Entry[][] = [];
  let nibble = -1;
  for (const entry of entries) {
    assert(entry.path.length > depth, "a key is a prefix of another");
    if (entry.path[depth] !== nibble) groups.push([]);
    nibble = entry.path[depth]!;
    groups[groups.length - 1]!.push(entry);
  }
  return groups;
}

/** Nibbles that `path` from `depth` on has in common with `other` from its start. */
function sharedLength(path: Uint8Array, other: Uint8Array, depth: number): number {
  const end = Math.min(path.length - depth, other.length);
  let count = 0;
  while (count < end && path[depth + count] === other[count]) count += 1;
  return count;
}

function startsWith(path: Uint8Array, part: Uint8Array, depth: number): boolean {
  return sharedLength(path, part, depth) === part.length;
}

function joinPath(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
