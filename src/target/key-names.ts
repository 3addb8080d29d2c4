// What a key is called on the target, without one prefix, with another; and which keys may come to the same name there. It
// knows no entries and no slots.

import { RespError } from '../../resp/errors.ts';
import { KeyFilter } from '../keys/key-filter.ts';

export interface KeyNamesOptions {
  /** Taken away from keys that begin with it, once. */
  readonly stripPrefix?: string | undefined;
  /** Then put in front of every key. */
  readonly addPrefix?: string | undefined;
}

/** Of `Collisions`. A mistake there is a key that is looked at in vain, or a file without it: it must be rare. */
const BITS_PER_KEY = 64;

export class KeyNames {
  readonly #strip: Buffer;
  readonly #add: Buffer;

  constructor({ stripPrefix = '', addPrefix = '' }: KeyNamesOptions) {
    this.#strip = Buffer.from(stripPrefix);
    this.#add = Buffer.from(addPrefix);
  }

  /** Whether any key may get another name. */
  get changes(): boolean {
    return this.#strip.length > 0 || this.#add.length > 0;
  }

  /** Whether two keys may get the same name: `a:x` and `x`, where `a:` is taken away. */
  get mayCollide(): boolean {
    return this.#strip.length > 0;
  }

  /** Whether a prefix is taken away from this key. */
  isStripped(key: Buffer): boolean {
    return this.mayCollide && startsWith(key, this.#strip);
  }

  /** The very same Buffer where the name stays; a view where it only gets shorter. */
  targetNameOf(key: Buffer): Buffer {
    if (!this.changes) return key;
    const isStripped = this.isStripped(key);
    if (this.#add.length === 0) return isStripped ? key.subarray(this.#strip.length) : key;
    if (isStripped && this.#add.equals(this.#strip)) return key;
    return joined(this.#add, key, isStripped ? this.#strip.length : 0);
  }

  /** The keys that may have got this name: none, one, or, where a prefix is taken away, two. The other way round. */
  originsOf(name: Buffer): Buffer[] {
    if (!this.changes) return [name];
    if (!startsWith(name, this.#add)) return [];
    const rest = name.subarray(this.#add.length);
    if (!this.mayCollide) return [rest];
    const stripped = joined(this.#strip, rest, 0);
    // What still begins with the prefix would have lost it.
    return this.isStripped(rest) ? [stripped] : [stripped, rest];
  }
}

interface Origin {
  readonly targetDb: number;
  readonly filter: KeyFilter;
}

/** Notices keys that may come to the same name: with a prefix stripped, or from two databases into one. */
export class Collisions {
  readonly #names: KeyNames;
  readonly #keys: number;
  readonly #targetDbOf: (db: number) => number;
  /** Names by where they come from: two keys of one origin are never renamed to the same. */
  readonly #origins = new Map<string, Origin>();

  /** @param keys how many are expected */
  constructor(names: KeyNames, targetDbOf: (db: number) => number, keys: number) {
    this.#names = names;
    this.#targetDbOf = targetDbOf;
    this.#keys = keys;
  }

  /** Whether a key of another origin seems to have got this name already; if none has, the name is this one's. */
  suspects(db: number, key: Buffer, name: Buffer): boolean {
    const targetDb = this.#targetDbOf(db);
    const own = this.#originOf(db, key);
    for (const other of this.#origins.values()) {
      if (other !== own && other.targetDb === targetDb && other.filter.has(name)) return true;
    }
    own.filter.add(name);
    return false;
  }

  /** The key gets its name although it was suspected. */
  acquit(db: number, key: Buffer, name: Buffer): void {
    this.#originOf(db, key).filter.add(name);
  }

  #originOf(db: number, key: Buffer): Origin {
    const id = `${db} ${this.#names.isStripped(key)}`;
    let origin = this.#origins.get(id);
    if (origin === undefined) {
      origin = { targetDb: this.#targetDbOf(db), filter: new KeyFilter(this.#keys, BITS_PER_KEY) };
      this.#origins.set(id, origin);
    }
    return origin;
  }
}

export function collision(): RespError {
  return new RespError('COLLISION', 'another key of the source has got the same name at the target');
}

function startsWith(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && key.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}

/** Name and prefix in one new Buffer: a command sends its key in one piece. */
function joined(prefix: Buffer, key: Buffer, from: number): Buffer {
  const name = Buffer.allocUnsafe(prefix.length + key.length - from);
  prefix.copy(name);
  key.copy(name, prefix.length, from);
  return name;
}
