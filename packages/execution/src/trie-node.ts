/**
 * Nodes of the hexary Merkle Patricia trie and their encoding. Keys are prefix-free (hashes, or RLP
 * of indexes), so a branch never has a value of its own.
 * @see https://ethereum.github.io/yellowpaper/paper.pdf appendix D
 * @module
 */
import { keccak256 } from "@cess/crypto/secp256k1";
import { concatBytes } from "@cess/std/bytes";
import { RLP } from "@ethereumjs/rlp";

export interface LeafNode {
  readonly kind: "leaf";
  /** Nibbles of the key below this node. */
  readonly path: Uint8Array;
  readonly value: Uint8Array;
}

export interface ExtensionNode {
  readonly kind: "extension";
  readonly path: Uint8Array;
  readonly child: TrieChild;
}

export interface BranchNode {
  readonly kind: "branch";
  /** 16 children. */
  readonly children: readonly (TrieChild | undefined)[];
}

export type TrieNode = LeafNode | ExtensionNode | BranchNode;
/** A node, or the hash of one that has not been read. */
export type TrieChild = TrieNode | Uint8Array;

export const HASH_BYTES = 32;
/** RLP of the empty string: the encoding of no node. */
const EMPTY = Uint8Array.of(0x80);
export const EMPTY_ROOT: Uint8Array = keccak256(EMPTY);

type RLPItem = Uint8Array | RLPItem[];

/** The RLP of a node; `put` receives each node below it that is referred to by hash. */
export function encodeNode(
  node: TrieNode,
  put: (hash: Uint8Array, encoded: Uint8Array) => void,
): Uint8Array {
  switch (node.kind) {
    case "leaf":
      return encodeList([encodeString(packPath(node.path, true)), encodeString(node.value)]);
    case "extension":
      return encodeList([encodeString(packPath(node.path, false)), encodeChild(node.child, put)]);
    case "branch": {
      const items = node.children.map((child) =>
        child === undefined ? EMPTY : encodeChild(child, put),
      );
      items.push(EMPTY);
      return encodeList(items);
    }
  }
}

function encodeChild(
  child: TrieChild,
  put: (hash: Uint8Array, encoded: Uint8Array) => void,
): Uint8Array {
  if (child instanceof Uint8Array) return encodeString(child);
  const encoded = encodeNode(child, put);
  if (encoded.length < HASH_BYTES) return encoded;
  const hash = keccak256(encoded);
  put(hash, encoded);
  return encodeString(hash);
}

export function decodeNode(encoded: Uint8Array): TrieNode {
  return nodeFromItem(RLP.decode(encoded) as RLPItem[]);
}

function nodeFromItem(item: RLPItem[]): TrieNode {
  if (item.length === 17) {
    return { kind: "branch", children: item.slice(0, 16).map(childFromItem) };
  }
  const { path, isLeaf } = unpackPath(item[0] as Uint8Array);
  if (isLeaf) return { kind: "leaf", path, value: item[1] as Uint8Array };
  return { kind: "extension", path, child: childFromItem(item[1] as RLPItem) as TrieChild };
}

function childFromItem(item: RLPItem): TrieChild | undefined {
  if (Array.isArray(item)) return nodeFromItem(item);
  return item.length === 0 ? undefined : item;
}

/** Two nibbles for each byte, high one first. */
export function bytesToNibbles(bytes: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(2 * bytes.length);
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]!;
    nibbles[2 * index] = byte >> 4;
    nibbles[2 * index + 1] = byte & 15;
  }
  return nibbles;
}

/** Hex-prefix encoding. */
function packPath(path: Uint8Array, isLeaf: boolean): Uint8Array {
  const isOdd = path.length % 2 === 1;
  const packed = new Uint8Array(1 + (path.length >> 1));
  packed[0] = (isLeaf ? 0x20 : 0) + (isOdd ? 0x10 + path[0]! : 0);
  for (let index = isOdd ? 1 : 0, at = 1; index < path.length; index += 2, at += 1) {
    packed[at] = (path[index]! << 4) | path[index + 1]!;
  }
  return packed;
}

function unpackPath(packed: Uint8Array): { path: Uint8Array; isLeaf: boolean } {
  const nibbles = bytesToNibbles(packed);
  const flags = nibbles[0]!;
  return { path: nibbles.slice(flags & 1 ? 1 : 2), isLeaf: (flags & 2) !== 0 };
}

export function encodeString(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 1 && bytes[0]! < 0x80) return bytes;
  return concatBytes(encodeLength(bytes.length, 0x80), bytes);
}

/** A list of items that are RLP already. */
export function encodeList(items: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = items.reduce((sum, item) => sum + item.length, 0);
  return concatBytes(encodeLength(sizeBytes, 0xc0), ...items);
}

function encodeLength(sizeBytes: number, base: number): Uint8Array {
  if (sizeBytes < 56) return Uint8Array.of(base + sizeBytes);
  const digits: number[] = [];
  for (let rest = sizeBytes; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(base + 55 + digits.length, ...digits);
}
