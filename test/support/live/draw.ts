// What random writers write: names that few enough keys have to be hot, and values of all sizes.
import type { Argument } from '../frames.ts';
import type { Random } from './random.ts';

export type Kind = 'string' | 'number' | 'visitors' | 'list' | 'set' | 'zset' | 'hash' | 'stream';

const KINDS: readonly Kind[] = ['string', 'number', 'visitors', 'list', 'set', 'zset', 'hash', 'stream'];
/** Names of each kind, in each database and under each tag. */
const NAMES = 50;
const STREAMS = 6;
/** Half of them are over before a copy is. */
const LONGEST_TTL_MS = 4000;
const AWKWARD = Buffer.from('\r\n\xff\0 "', 'latin1');

/** What one step is made of: all of its keys are in one database, and in one slot where there are slots. */
export class Draw {
  readonly random: Random;
  /** The numbered database of the step. */
  readonly db: number;
  /** The others that there are. */
  readonly otherDatabases: readonly number[];
  readonly #tag: string;
  readonly #ids: Map<string, number>;

  constructor(options: {
    readonly random: Random;
    readonly db: number;
    readonly databases: readonly number[];
    /** Empty where keys need not be in one slot. */
    readonly tag: string;
    /** The last entries of streams, which outlive a step. */
    readonly ids: Map<string, number>;
  }) {
    this.random = options.random;
    this.db = options.db;
    this.otherDatabases = options.databases.filter((db) => db !== options.db);
    this.#tag = options.tag;
    this.#ids = options.ids;
  }

  key(kind: Kind): Buffer {
    const index = this.random.hot(kind === 'stream' ? STREAMS : NAMES);
    const name = Buffer.from(`${this.#tag === '' ? '' : `{${this.#tag}}:`}${kind}:${index}`);
    return index % 5 === 4 ? Buffer.concat([name, AWKWARD]) : name;
  }

  /** Whatever it holds. */
  someKey(): Buffer {
    return this.key(this.random.pick(KINDS));
  }

  /** A name of its own for what is large. */
  bigKey(kind: 'list' | 'hash' | 'string'): Buffer {
    return Buffer.from(`${this.#tag === '' ? '' : `{${this.#tag}}:`}big:${kind}`);
  }

  keys(kind: Kind, least: number, most: number): Buffer[] {
    return Array.from({ length: this.random.between(least, most) }, () => this.key(kind));
  }

  value(): Argument {
    const { random } = this;
    const size = random.chance(0.05) ? random.below(4000) : random.below(40);
    return random.chance(0.5) ? `${random.below(100_000)}` : Buffer.alloc(size, `${random.below(1e9)}:\xff `, 'latin1');
  }

  member(): string {
    return `m${this.random.hot(60)}`;
  }

  members(most: number): string[] {
    return Array.from({ length: this.random.between(1, most) }, () => this.member());
  }

  field(): string {
    return `f${this.random.hot(30)}`;
  }

  score(): number {
    return this.random.chance(0.2) ? this.random.below(1000) / 8 : this.random.below(50);
  }

  /** Milliseconds. */
  ttl(): number {
    return this.random.chance(0.15) ? 1_000_000 + this.random.below(1e9) : this.random.between(1, LONGEST_TTL_MS);
  }

  group(): string {
    return `g${this.random.hot(3)}`;
  }

  consumer(): string {
    return `c${this.random.hot(3)}`;
  }

  /** Of an entry that comes behind all of this name. */
  nextId(stream: Buffer): string {
    const id = this.#lastId(stream) + this.random.between(1, 3);
    this.#ids.set(this.#idName(stream), id);
    return `${id}-${id % 3}`;
  }

  /** Of an entry that is there lately, more often than not. */
  recentId(stream: Buffer): string {
    const id = Math.max(1, this.#lastId(stream) - this.random.hot(30));
    return `${id}-${id % 3}`;
  }

  #lastId(stream: Buffer): number {
    return this.#ids.get(this.#idName(stream)) ?? 0;
  }

  #idName(stream: Buffer): string {
    return `${this.db} ${stream.toString('latin1')}`;
  }
}
