// Keys of the source that were told of, so that none is told twice, however often it changes: as hashes, in a bounded number.

import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import type { KeyId } from '../flow/key-id.ts';
import { NameHash, NameTable } from '../flow/name-table.ts';

/** They take 16 MiB. */
const MOST_KEYS = 1_000_000;

export class ToldKeys {
  readonly #most: number;
  readonly #hash = new NameHash();
  readonly #keys = new NameTable();
  #isOver = false;

  constructor(most = MOST_KEYS) {
    this.#most = most;
  }

  /**
   * What is to be told of the key: that it was refused, or, of the first one for which there is no room, that they are too many.
   * `undefined` where it was told, and of all that come behind that one.
   */
  tell({ db, key }: KeyId, refusal: RespError): RespError | undefined {
    if (this.#isOver) return undefined;
    this.#hash.of(db, key);
    const { high, low } = this.#hash;
    if (this.#keys.has(high, low)) return undefined;
    this.#isOver = this.#keys.size >= this.#most;
    if (this.#isOver) return tooMany(this.#most, refusal);
    this.#keys.add(high, low);
    if (this.#keys.isFull) this.#keys.grow();
    return refusal;
  }
}

function tooMany(most: number, cause: RespError): RespError {
  const message = `${cause.message}; so it is with more than ${countOf(most, 'key')}: the others are neither named nor counted`;
  return new RespError('TOO_MANY_NAMES', message, { hint: 'a larger --names-limit has room for them', cause });
}
