import type { TrieNode } from "./trie-node.ts";

/**
 * Nodes by name, in two generations: when the young one is full it takes the place of the old one.
 * PERF: a node that is used stays, and finding it costs no change of order as in a list by use.
 */
export class NodeCache {
  readonly #youngMax: number;
  #young = new Map<string, TrieNode>();
  #old = new Map<string, TrieNode>();

  constructor(countMax: number) {
    this.#youngMax = Math.ceil(countMax / 2);
  }

  get(name: string): TrieNode | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  set(name: string, node: TrieNode): void {
    if (this.#young.size >= this.#youngMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, node);
  }
}
