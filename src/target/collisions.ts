// Notices keys that may come to the same name at the target: with a prefix stripped, or from two databases into one.

import { RespError } from '../../resp/errors.ts';
import { KeyFilter } from '../keys/key-filter.ts';
import type { KeyNames } from './key-names.ts';

interface Origin {
  readonly targetDb: number;
  readonly filter: KeyFilter;
}

/** A mistake here is a key that is looked at in vain, or a file without it: it must be rare. */
const BITS_PER_KEY = 64;

export function collision(): RespError {
  return new RespError('COLLISION', 'another key of the source has got the same name at the target');
}

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
