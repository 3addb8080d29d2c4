// A hash table that is scanned as Redis scans its own: buckets by the high bits first, and two tables while it is resized.
// It shares no code with rump, so that a wrong idea of cursors cannot agree with itself.

export interface Page {
  /** `'0'` when the scan is over. */
  readonly cursor: string;
  /** The very Buffers that were added. */
  readonly keys: readonly Buffer[];
}

/** Whatever answers SCAN and DBSIZE. */
export interface Keyspace {
  readonly size: number;
  scan(cursor: string, count: number): Page;
}

interface Table {
  readonly mask: number;
  readonly buckets: Buffer[][];
}

/** Redis gives a page up after so many buckets for each key that was asked for. */
const BUCKETS_PER_KEY = 10;

export class SimulatedDict implements Keyspace {
  readonly #seed: number;
  #table: Table;
  /** The table that the keys are moving to. */
  #next: Table | undefined;
  #moved = 0;
  #size = 0;

  /** @param bits the table has 2^bits buckets; by default as many as there are keys, as in Redis */
  constructor(keys: readonly Buffer[], seed = 0, bits = Math.max(2, Math.ceil(Math.log2(Math.max(1, keys.length))))) {
    this.#seed = seed;
    this.#table = tableOf(bits);
    for (const key of keys) this.add(key);
  }

  get size(): number {
    return this.#size;
  }

  get buckets(): number {
    return this.#table.buckets.length;
  }

  get isResizing(): boolean {
    return this.#next !== undefined;
  }

  /** The key must not be there yet. */
  add(key: Buffer): void {
    this.#bucket(this.#next ?? this.#table, key).push(key);
    this.#size++;
  }

  remove(key: Buffer): void {
    for (const table of [this.#table, this.#next]) {
      if (table === undefined) continue;
      const bucket = this.#bucket(table, key);
      const at = bucket.indexOf(key);
      if (at === -1) continue;
      bucket.splice(at, 1);
      this.#size--;
    }
  }

  /** Begins to move to a table of 2^bits buckets; `move` does the work. */
  resize(bits: number): void {
    if (this.#next !== undefined) return;
    this.#next = tableOf(bits);
    this.#moved = 0;
  }

  /** Moves so many buckets, as Redis does with every command. */
  move(buckets: number): void {
    for (let i = 0; i < buckets && this.#next !== undefined; i++) {
      const bucket = this.#table.buckets[this.#moved]!;
      for (const key of bucket.splice(0)) this.#bucket(this.#next, key).push(key);
      if (++this.#moved < this.#table.buckets.length) continue;
      this.#table = this.#next;
      this.#next = undefined;
    }
  }

  scan(cursor: string, count: number): Page {
    const keys: Buffer[] = [];
    let at = Number(BigInt.asUintN(32, BigInt(cursor)));
    let left = count * BUCKETS_PER_KEY;
    do at = this.#visit(at, keys);
    while (at !== 0 && --left > 0 && keys.length < count);
    return { cursor: String(at), keys };
  }

  #visit(start: number, keys: Buffer[]): number {
    return this.#next === undefined
      ? visitOne(this.#table, start, keys)
      : visitBoth(this.#table, this.#next, start, keys);
  }

  #bucket(table: Table, key: Buffer): Buffer[] {
    return table.buckets[hash(key, this.#seed) & table.mask]!;
  }
}

function visitOne(table: Table, cursor: number, keys: Buffer[]): number {
  for (const key of table.buckets[(cursor & table.mask) >>> 0]!) keys.push(key);
  return following(cursor, table.mask);
}

/** One bucket of the smaller table with all that it becomes in the larger one. */
function visitBoth(one: Table, other: Table, start: number, keys: Buffer[]): number {
  const [small, large] = one.mask <= other.mask ? [one, other] : [other, one];
  visitOne(small, start, keys);
  let cursor = start;
  do cursor = visitOne(large, cursor, keys);
  while ((cursor & (small.mask ^ large.mask)) !== 0);
  return cursor;
}

function tableOf(bits: number): Table {
  return { mask: 2 ** bits - 1, buckets: Array.from({ length: 2 ** bits }, () => []) };
}

/** Counts up from the highest bit of the table; 0 after the last bucket. */
function following(cursor: number, mask: number): number {
  let at = (cursor & mask) >>> 0;
  for (let bit = (mask + 1) / 2; bit >= 1; bit /= 2) {
    at = (at ^ bit) >>> 0;
    if ((at & bit) !== 0) return at;
  }
  return 0;
}

/** FNV-1a with a last mix, because the low bits choose the bucket. */
function hash(key: Buffer, seed: number): number {
  let state = 0x811c9dc5 ^ seed;
  for (let i = 0; i < key.length; i++) state = Math.imul(state ^ key[i]!, 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
