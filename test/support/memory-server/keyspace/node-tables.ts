// The keys of several nodes behind one address: SCAN goes through one node after the other, and the cursor says which.
import { BucketTable } from './bucket-table.ts';
import { keyHash } from './key-hash.ts';
import type { KeyTable, Page } from './key-table.ts';

/** The node's number is above the bits that any table needs, or below the table's cursor. */
export type NodePlace = 'node-high-bits' | 'node-low-bits';

const HIGH_BITS = 48n;

export class NodeTables implements KeyTable {
  readonly #place: NodePlace;
  readonly #seed: number;
  readonly #nodes: readonly BucketTable[];

  constructor(place: NodePlace, nodes: number, seed: number) {
    this.#place = place;
    this.#seed = seed;
    this.#nodes = Array.from({ length: nodes }, (_, index) => new BucketTable(seed + index));
  }

  get size(): number {
    return this.#nodes.reduce((sum, { size }) => sum + size, 0);
  }

  add(key: string): void {
    this.#nodeOf(key).add(key);
  }

  delete(key: string): void {
    this.#nodeOf(key).delete(key);
  }

  scan(cursor: bigint, count: number): Page {
    const { index, inner } = this.#parse(cursor);
    const node = this.#nodes[index];
    if (node === undefined) return { cursor: 0n, keys: [] };
    const page = node.scan(inner, count);
    if (page.cursor !== 0n) return { cursor: this.#format(index, page.cursor), keys: page.keys };
    return { cursor: index + 1 < this.#nodes.length ? this.#format(index + 1, 0n) : 0n, keys: page.keys };
  }

  random(): string {
    for (;;) {
      const node = this.#nodes[Math.floor(Math.random() * this.#nodes.length)]!;
      if (node.size > 0) return node.random();
    }
  }

  #nodeOf(key: string): BucketTable {
    // Not the hash that chooses the bucket: each node would fill only some of its own.
    return this.#nodes[keyHash(key, this.#seed + this.#nodes.length) % this.#nodes.length]!;
  }

  #parse(cursor: bigint): { readonly index: number; readonly inner: bigint } {
    if (this.#place === 'node-high-bits') {
      return { index: Number(cursor >> HIGH_BITS), inner: BigInt.asUintN(Number(HIGH_BITS), cursor) };
    }
    const nodes = BigInt(this.#nodes.length);
    return { index: Number(cursor % nodes), inner: cursor / nodes };
  }

  #format(index: number, inner: bigint): bigint {
    if (this.#place === 'node-high-bits') return (BigInt(index) << HIGH_BITS) | inner;
    return inner * BigInt(this.#nodes.length) + BigInt(index);
  }
}
