// The names in scope that the target held when the run began. They are the target's own, until the source writes them.

import type { Deployment } from '../cluster/deployment.ts';
import { NameHash, NameTable } from '../flow/name-table.ts';
import { eachEntry } from '../target/target.ts';
import { originsOf, walkNames, type NameWalkOptions } from './name-walk.ts';

/** They take 16 MiB, and for a moment 24. */
export const MOST_OWN_NAMES = 1_000_000;

/** Names are kept as hashes: one of 2^44 that are not in a full list is taken for one that is, and so is left alone. */
export class OwnNames {
  /** Otherwise nothing is known of what the target held, and no name is in it. */
  readonly isComplete: boolean;
  readonly #hash = new NameHash();
  readonly #names = new NameTable();

  constructor(isComplete = true) {
    this.isComplete = isComplete;
  }

  /** There were too many, or the list is lost. */
  static unknown(): OwnNames {
    return new OwnNames(false);
  }

  /** Names that are in it. */
  get size(): number {
    return this.#names.size;
  }

  /** Whether it is known that nothing in scope is the target's own, or not any more. */
  get isEmpty(): boolean {
    return this.isComplete && this.size === 0;
  }

  has(db: number, name: Buffer): boolean {
    if (this.size === 0) return false;
    this.#hash.of(db, name);
    return this.#names.has(this.#hash.high, this.#hash.low);
  }

  /** The source has written it: it is ours from now on. */
  forget(db: number, name: Buffer): void {
    if (this.size === 0) return;
    this.#hash.of(db, name);
    this.#names.delete(this.#hash.high, this.#hash.low);
  }

  add(db: number, name: Buffer): void {
    this.#hash.of(db, name);
    this.#names.add(this.#hash.high, this.#hash.low);
    if (this.#names.isFull) this.#names.grow();
  }
}

const TOO_MANY = new Error('Cannot keep the names that the target holds: they are too many');

/**
 * Takes down the names of the target that keys of the source in scope may have, whatever is behind them: a key of another type is
 * in the way just as well. To be done before anything is written. An empty database costs one page.
 * @param most of more names than these none is kept
 * @param own what is known already, and is of no use any more where the new list is not complete
 * @throws RespError where the target cannot be walked to the end; the reason of its signal
 */
export async function takeDownNames(
  target: Deployment,
  options: NameWalkOptions,
  most: number = MOST_OWN_NAMES,
  own: OwnNames = new OwnNames(),
): Promise<OwnNames> {
  // What cannot be asked may hold names as well.
  if (target.unserved.size > 0) return OwnNames.unknown();
  const { mapping } = options;
  let isWhole = true;
  const add = (db: number, name: Buffer): void => {
    if (originsOf(mapping, db, name).length > 0) own.add(db, name);
    if (own.size > most) throw TOO_MANY;
  };
  const walk = {
    databases: mapping.targetDbs,
    scope: mapping.targetScope.ofAnyType,
    onRefused: add,
    onShrunk: () => (isWhole = false),
  };
  try {
    await walkNames(
      target,
      options,
      walk,
      eachEntry(({ db, key }) => add(db, key)),
    );
  } catch (error) {
    if (error !== TOO_MANY) throw error;
    isWhole = false;
  }
  return isWhole ? own : OwnNames.unknown();
}
